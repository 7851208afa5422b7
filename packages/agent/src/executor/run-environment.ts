import { createHash } from 'node:crypto';
import { type RunSpec } from '@org/dte-protocol';

/** Variables of a run; undefined: not set, whatever this agent's job has. */
export type RunVariables = Readonly<Record<string, string | undefined>>;

/** What tasks of a run see in addition to this job's own environment. A forwarded variable without a value must not be set. */
export const environmentOf = (
  { env, forwardedEnv = [] }: Pick<RunSpec, 'env' | 'forwardedEnv'>,
  forwarded: Readonly<Record<string, string>>,
): RunVariables => ({
  ...env,
  ...Object.fromEntries(forwardedEnv.map((name) => [name, forwarded[name]])),
});

/** The same for equal values in any order. Does not reveal them, because they may be secrets. */
export function environmentId(variables: RunVariables): string {
  const sorted = Object.entries(variables)
    .map(([name, value]) => [name, value ?? null] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
}
