import { OPTIONS_OF_NX } from '@org/dte-nx-compat';
import { DteError, readLimits, type LimitName, type LimitValues } from '@org/dte-protocol';
import type { z } from 'zod';
import { nearest } from './nearest';
import { configSchema, INTERNAL_ENV, OPTIONS, type Config, type OptionName } from './schema';

export type Env = Readonly<Record<string, string | undefined>>;
export type Source = 'flag' | 'environment' | 'nx.json' | 'default';

/** Sources of values; the first that has a value applies: flags, environment, nx.json, default. */
export interface Sources {
  readonly flags?: Readonly<Partial<Record<OptionName, unknown>>>;
  readonly env: Env;
  /** tasksRunnerOptions.default.options of nx.json. */
  readonly nxJson?: Readonly<Record<string, unknown>>;
}

export interface Resolved {
  readonly config: Config;
  /** Every limit, with the overrides of all sources. */
  readonly limits: LimitValues;
  readonly sourceOf: Readonly<Record<OptionName, Source>>;
  /** Warnings: unknown names, misplaced options. */
  readonly warnings: readonly string[];
}

interface Raw {
  readonly value: unknown;
  readonly source: Source;
  /** Where the value is set, for error messages. */
  readonly place: string;
}

function rawValue({ name, about }: (typeof OPTIONS)[number], sources: Sources): Raw {
  const flag = sources.flags?.[name];
  if (flag !== undefined)
    return { value: flag, source: 'flag', place: (about.flag ?? name).split(' ')[0] ?? name };
  const variable = about.env === null ? undefined : sources.env[about.env];
  // CI systems set variables to the empty string to mean "not set".
  if (variable !== undefined && variable !== '')
    return { value: variable, source: 'environment', place: about.env ?? name };
  const option = about.nxJson ? sources.nxJson?.[name] : undefined;
  if (option !== undefined)
    return { value: option, source: 'nx.json', place: 'nx.json, tasksRunnerOptions.default.options' };
  return { value: undefined, source: 'default', place: 'default' };
}

const deepestMessage = (issue: z.core.$ZodIssue): string => {
  if (issue.code !== 'invalid_union') return issue.message;
  const inner = issue.errors.flat()[0];
  return issue.message !== 'Invalid input' || inner === undefined ? issue.message : deepestMessage(inner);
};

function parseOption(entry: (typeof OPTIONS)[number], raw: Raw): unknown {
  const parsed = configSchema.shape[entry.name].safeParse(raw.value);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues[0] ? deepestMessage(parsed.error.issues[0]) : 'not a valid value';
  const shown = entry.about.secret ? 'a value' : JSON.stringify(raw.value);
  const unit = entry.about.unit === undefined ? '' : ` (${entry.about.unit})`;
  throw new DteError(
    'DTE_BAD_CONFIG',
    `Option ${entry.name} has ${shown} from ${raw.place}: ${reason}${unit}.`,
  );
}

const hint = (name: string, known: readonly string[]): string => {
  const near = nearest(name, known);
  return near === null ? '' : ` Did you mean ${near}?`;
};

function unknownVariables(env: Env): string[] {
  const known = OPTIONS.flatMap(({ about }) => (about.env === null ? [] : [about.env]));
  return Object.keys(env)
    .filter((name) => name.startsWith('DTE_') && !known.includes(name) && !INTERNAL_ENV.includes(name))
    .map((name) => `The variable ${name} is unknown and was ignored.${hint(name, known)}`);
}

function unknownOptions(nxJson: Readonly<Record<string, unknown>>): string[] {
  const known = OPTIONS.filter(({ about }) => about.nxJson).map(({ name }) => name);
  return Object.keys(nxJson)
    .filter((name) => !(known as string[]).includes(name) && !OPTIONS_OF_NX.includes(name))
    .map((name) => {
      const misplaced = OPTIONS.find((option) => option.name === name);
      return misplaced === undefined
        ? `The option ${name} in nx.json is unknown and was ignored.${hint(name, known)}`
        : `The option ${name} cannot be set in nx.json and was ignored there.${misplaced.about.env === null ? '' : ` Set ${misplaced.about.env} instead.`}`;
    });
}

/**
 * All configuration, each value from the first source that has it.
 * @throws DteError DTE_BAD_CONFIG naming the option, its value and where it is set
 */
export function resolveConfig(sources: Sources): Resolved {
  const values: Record<string, unknown> = {};
  const sourceOf: Record<string, Source> = {};
  for (const entry of OPTIONS) {
    const raw = rawValue(entry, sources);
    const value = parseOption(entry, raw);
    sourceOf[entry.name] = raw.source;
    if (value !== undefined) values[entry.name] = value;
  }
  const config = values as unknown as Config;
  const limits = { ...readLimits({}).limits };
  for (const name of Object.keys(limits) as LimitName[]) {
    const override = values[name];
    if (typeof override === 'number') limits[name] = override;
  }
  return {
    config,
    limits,
    sourceOf: sourceOf as Record<OptionName, Source>,
    warnings: [...unknownVariables(sources.env), ...unknownOptions(sources.nxJson ?? {})],
  };
}
