import type { HashInput, NxHashDetails } from '@org/dte-nx-compat';
import type { Drift } from '@org/dte-protocol';
import type { DifferingFile } from './differing-files';

export type Inputs = Readonly<Record<string, string>>;

/** The main job's own data. */
export interface OwnSide {
  /** Is the variable set here? */
  readonly hasEnv: (name: string) => boolean;
  /** Runtime inputs: command -> its output here. */
  readonly runtime: Readonly<Record<string, string>>;
  /** Files that differ between the two checkouts; null if unknown. */
  readonly files: readonly DifferingFile[] | null;
  /** Those of these paths that the patterns of an input match. */
  readonly match: (patterns: readonly string[], paths: readonly string[]) => readonly string[];
}

/** One input that differs, as text. */
export interface DifferingInput {
  readonly kind: HashInput['kind'];
  readonly text: string;
}

/** The details of a hash as one list. */
export const inputsOf = ({
  command,
  nodes,
  implicitDeps = {},
  runtime = {},
}: NxHashDetails): [string, string][] => {
  const inputs: [string, string][] = [['command', command]];
  return inputs.concat(Object.entries(nodes), Object.entries(implicitDeps), Object.entries(runtime));
};

/** The same as an object; empty if Nx does not tell them. */
export const flatten = (details: NxHashDetails | undefined): Inputs =>
  details === undefined ? {} : Object.fromEntries(inputsOf(details));

/** Names of the inputs that differ. */
export const differingNames = (main: Inputs, agent: Inputs): string[] =>
  [...new Set([...Object.keys(main), ...Object.keys(agent)])]
    .filter((name) => main[name] !== agent[name])
    .sort();

const GIT_SEES_NONE =
  'git sees no difference between the two checkouts (line endings, LFS, or files that git ignores and Nx does not)';

function describeFiles(what: string, patterns: readonly string[], { files, match }: OwnSide): string[] {
  if (files === null) return [`${what}: without git on both sides, the files cannot be listed`];
  const named = new Set(
    match(
      patterns,
      files.map(({ path }) => path),
    ),
  );
  const lines = files.filter(({ path }) => named.has(path)).map(({ path, how }) => `file ${path}: ${how}`);
  return lines.length > 0 ? lines : [`${what}: ${GIT_SEES_NONE}`];
}

function describeEnv(name: string, drift: Drift, { hasEnv }: OwnSide): string {
  const there = drift.env[name] ?? false;
  const here = hasEnv(name);
  if (there === here) return `environment variable ${name}: another value on the agent`;
  return `environment variable ${name}: ${there ? 'set on the agent, not set on the main job' : 'not set on the agent, set on the main job'}`;
}

function describeRuntime(command: string, drift: Drift, { runtime }: OwnSide): string {
  const [there, here] = [drift.runtime[command], runtime[command]];
  if (there === undefined || here === undefined || there === here) return `runtime input \`${command}\``;
  return `runtime input \`${command}\`: "${there}" on the agent, "${here}" on the main job`;
}

/** One input as lines: a fileset may have several files. */
export function describeInput(input: HashInput, drift: Drift, own: OwnSide): DifferingInput[] {
  const { kind } = input;
  const lines = (...texts: string[]): DifferingInput[] => texts.map((text) => ({ kind, text }));
  switch (input.kind) {
    case 'env':
      return lines(describeEnv(input.name, drift, own));
    case 'runtime':
      return lines(describeRuntime(input.command, drift, own));
    case 'files':
      return lines(...describeFiles(`files ${input.patterns.join(', ')}`, input.patterns, own));
    case 'external':
      return lines(`external dependency ${input.name}: another version, or only on one side`);
    case 'project': {
      const named =
        own.files === null
          ? []
          : own.match(
              input.patterns,
              own.files.map(({ path }) => path),
            );
      const files =
        named.length > 0 ? ` (${named.join(', ')})` : ', as plugins and project files create it there';
      return lines(`configuration of project ${input.project}${files}`);
    }
    case 'tsconfig':
      return lines(`TypeScript configuration of the workspace (${input.patterns.join(' or ')})`);
    case 'dependency-outputs':
      return lines(`outputs of its dependencies, ${input.pattern}`);
    case 'command':
      return lines('target, configuration or arguments of the task');
    case 'other':
      return lines(input.name);
  }
}
