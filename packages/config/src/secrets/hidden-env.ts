import { SECRET_VARIABLES, type SecretVariable } from '@org/dte-protocol';
import type { Env } from '../options/resolve';
import { wipeEnviron } from './wipe-environ';

/** The secrets of this process. They are stored only in its memory. */
const hidden = new Map<SecretVariable, string>();
/** Number of commands of this process that have hidden them and still run. */
let hiders = 0;

/** Adds secrets from a parent process that has hidden them itself. */
export function addHidden(values: Partial<Record<SecretVariable, string>>): void {
  for (const name of SECRET_VARIABLES) {
    const value = values[name];
    if (value !== undefined) hidden.set(name, value);
  }
}

export const hiddenSecrets = (): Partial<Record<SecretVariable, string>> => Object.fromEntries(hidden);

/**
 * Removes the credentials of this job from the environment: otherwise, every child process would inherit them, and
 * every other process of this user could read them.
 * @returns restores `process.env`, when the last command that has hidden them calls it: later commands in the same
 * process (another nx command of a script) may need them. Call it once.
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

/** The environment as it was before; for reading settings, not for child processes. */
export const envWithSecrets = (): Env => ({ ...Object.fromEntries(hidden), ...process.env });
