import { SECRET_VARIABLES, type SecretVariable } from '@org/dte-protocol';
import type { Env } from '../options/resolve';
import { wipeEnviron } from './wipe-environ';

/** Of this process. Its memory is the one place where they are kept. */
const hidden = new Map<SecretVariable, string>();
/** Commands of one process that have hidden them and are not over. */
let hiders = 0;

/** Adds what somebody has handed over who has hidden it himself. */
export function addHidden(values: Partial<Record<SecretVariable, string>>): void {
  for (const name of SECRET_VARIABLES) {
    const value = values[name];
    if (value !== undefined) hidden.set(name, value);
  }
}

export const hiddenSecrets = (): Partial<Record<SecretVariable, string>> => Object.fromEntries(hidden);

/**
 * Takes what proves who this job is out of the environment, where every process that is started from now on would inherit
 * it, and every other one of this user could read it.
 * @returns puts it back into `process.env`, when the last one that has hidden it does so: what the same process begins
 *   later (another nx command of a script) may need it. Call this once.
 */
export function hideSecrets(): () => void {
  const names = SECRET_VARIABLES.filter((name) => process.env[name] !== undefined);
  for (const name of names) {
    hidden.set(name, process.env[name] ?? '');
    Reflect.deleteProperty(process.env, name);
  }
  if (names.length > 0) wipeEnviron(names);
  hiders += 1;
  return () => {
    hiders -= 1;
    if (hiders > 0) return;
    for (const [name, value] of hidden) process.env[name] ??= value;
  };
}

/** The environment as it was before; for reading settings, not for a process. */
export const envWithSecrets = (): Env => ({ ...Object.fromEntries(hidden), ...process.env });
