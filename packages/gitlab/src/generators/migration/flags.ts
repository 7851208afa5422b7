import { type Pool } from '../../pipeline/options';
import { isFile, poolsIn } from './distribution';

/** What happens to one flag of the vendor's commands. */
export interface FlagResult {
  /** Words of the new command; empty if the flag is removed. */
  readonly keep: readonly string[];
  /** Why it is removed, or what replaces it. */
  readonly note?: string;
  /** Names of variables that tasks on agents need. */
  readonly forwardEnv?: readonly string[];
  /** Number of agents that the vendor would have started. */
  readonly agents?: number;
  /** The same by launch template. */
  readonly pools?: readonly Pool[];
  /** A file with agents or assignment rules. */
  readonly file?: string;
}

/** A flag as it was written: `--name`, with the raw and unquoted text of its value if it has one. */
export interface Flag {
  readonly name: string;
  readonly raw: string | null;
  readonly value: string | null;
}

type Rule = (flag: Flag) => FlagResult;

const gone =
  (note: string): Rule =>
  () => ({ keep: [], note });
const isNo = ({ value }: Flag): boolean => value === 'false';

/** Our switches have no value: `--x=true` is `--x`. */
const asSwitch: Rule = (flag) =>
  isNo(flag) ? { keep: [], note: 'dte works this way without the flag' } : { keep: [flag.name] };

function distributeOn({ value }: Flag): FlagResult {
  const keep = ['--distribute-on=manual'];
  if (value === 'manual') return { keep };
  if (value !== null && isFile(value))
    return { keep, note: 'agents are now jobs of your pipeline, as many as the file says', file: value };
  const pools = poolsIn(value ?? '') ?? [];
  const agents = pools.reduce((sum, pool) => sum + pool.agents, 0);
  return {
    keep,
    note: `agents are now jobs of your pipeline${agents > 0 ? `, ${agents} of them` : ''}; nothing else starts agents`,
    ...(agents > 0 ? { agents, pools } : {}),
  };
}

function withEnvVars({ value }: Flag): FlagResult {
  const names = (value ?? '').split(',').map((name) => name.trim());
  const forwardEnv = names.filter((name) => /^[A-Za-z_]\w*$/.test(name) && name !== 'auto');
  if (forwardEnv.length === 0) return { keep: [], note: 'list the variables in forwardEnv in nx.json' };
  return { keep: [], note: `${forwardEnv.join(', ')} are now in forwardEnv in nx.json`, forwardEnv };
}

const RULES: Readonly<Record<string, Rule>> = {
  '--distribute-on': distributeOn,
  '--stop-agents-after': (flag) => ({ keep: [`${flag.name}=${flag.raw ?? ''}`] }),
  '--stop-agents-on-failure': asSwitch,
  '--stop-agents-after-failure': (flag) => asSwitch({ ...flag, name: '--stop-agents-on-failure' }),
  '--require-explicit-completion': asSwitch,
  '--with-env-vars': withEnvVars,
  '--use-dte-by-default': (flag) =>
    isNo(flag)
      ? { keep: [], note: 'every nx command is distributed; pass --no-agents to commands that must not be' }
      : { keep: [], note: 'dte always does' },
  '--no-distribution': gone('pass --no-agents to nx commands that must not be distributed'),
  '--agents': ({ value }) => ({
    keep: [],
    note: 'agents are jobs of your pipeline',
    ...(/^\d+$/.test(value ?? '') ? { agents: Number(value) } : {}),
  }),
  '--assignment-rules': ({ value }) => ({
    keep: [],
    note: 'the main job reads .nx/dte.yaml',
    ...(value === null ? {} : { file: value }),
  }),
  '--auto-apply-fixes': gone('dte does not change your code'),
  '--fix-tasks': gone('dte does not change your code'),
  '--targets': gone('agents take every target'),
  '--verbose': gone('dte always reports what it does'),
};

const VALUED = new Set([
  '--distribute-on',
  '--stop-agents-after',
  '--with-env-vars',
  '--agents',
  '--assignment-rules',
  '--auto-apply-fixes',
  '--fix-tasks',
  '--targets',
]);

/** Can the flag's value be a separate word? */
export const takesWord = (name: string): boolean => VALUED.has(name);

/** The vendor also accepts `--stopAgentsAfter` for `--stop-agents-after`. */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export function translateFlag(flag: Flag): FlagResult {
  const rule = RULES[flag.name];
  return rule === undefined ? { keep: [], note: 'dte has no such flag' } : rule(flag);
}
