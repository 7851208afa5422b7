import type { Env } from '@org/dte-config';
import { readSurroundings } from '../edge/surroundings';

/** Where the doctor runs: in a job (or with a job's variables), or on a developer's machine, where nothing is distributed. */
export type Place = 'job' | 'laptop';

const OF_A_SESSION = ['DTE_COORDINATOR_URL', 'DTE_RENDEZVOUS_DIR', 'DTE_RENDEZVOUS', 'DTE_SESSION'];

/** @param flags of the command that name a session or its coordinator */
export function placeOf(env: Env, flags: Readonly<Record<string, unknown>>): Place {
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  const inCi = isSet('CI') && env['CI'] !== 'false' && env['CI'] !== '0';
  const isTold = Object.values(flags).some((value) => value !== undefined);
  return inCi || isTold || OF_A_SESSION.some(isSet) || readSurroundings(env).job !== null ? 'job' : 'laptop';
}
