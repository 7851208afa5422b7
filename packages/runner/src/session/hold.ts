import type { LimitValues, Rendezvous } from '@org/dte-protocol';
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { handOver, handoverEnv, type Resolved } from '@org/dte-config';
import { dataDirOf, makeDataFolder } from '../data-folder/data-folder';
import type { OwnJob } from './surroundings';

/** The process's message after it has connected. */
export const HOLDING = 'dte-holding';

/**
 * Can a process of this job represent the job? A coordinator in the job does so by itself. On a standalone one, a
 * killed main job looks like one between two commands, unless a connection is held. The holder must ask CI whether the
 * job still runs, because where jobs are not containers, a background process outlives them.
 */
export function isHeld(
  rendezvous: Pick<Rendezvous, 'isAddressGiven'> | null,
  job: Pick<OwnJob, 'isWatched'> | null,
): boolean {
  return rendezvous?.isAddressGiven === true && job?.isWatched === true;
}

export interface HoldOptions {
  readonly resolved: Resolved;
  readonly workspaceRoot: string;
  readonly sessionId: string;
  readonly cliPath: string;
  /** Address of the coordinator. */
  readonly url: string;
}

/**
 * Starts `dte hold-session` as a process that outlives this one; its log is `<dataDir>/hold-session.log`.
 * @returns whether it is connected; false if it has exited, or has not reported within `coordinatorStartMs`. Only after
 * that may a session count as held: without a holder, every longer pause between two commands would end it.
 */
export async function startHolding({
  resolved,
  workspaceRoot,
  sessionId,
  url,
  cliPath,
}: HoldOptions): Promise<boolean> {
  const dataDir = makeDataFolder(dataDirOf(resolved, workspaceRoot));
  const log = openSync(join(dataDir, 'hold-session.log'), 'a');
  const args = ['hold-session', '--session', sessionId, '--coordinator-url', url];
  const child = spawn(process.execPath, [cliPath, ...args], {
    cwd: workspaceRoot,
    detached: true,
    env: handoverEnv(),
    stdio: ['pipe', log, log, 'ipc'],
  });
  handOver(child);
  closeSync(log);
  try {
    return await whenHolding(child, resolved.limits);
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/**
 * Without it, the session ends later than it could; nothing else depends on it.
 * @internal exported for its spec
 */
export function whenHolding(
  child: Pick<ChildProcess, 'once'>,
  limits: Pick<LimitValues, 'coordinatorStartMs'>,
): Promise<boolean> {
  return new Promise((resolve) => {
    const over = (isHolding: boolean): void => {
      clearTimeout(timer);
      resolve(isHolding);
    };
    const timer = setTimeout(() => over(false), limits.coordinatorStartMs);
    child.once('error', () => over(false)).once('exit', () => over(false));
    child.once('message', (message) => over(message === HOLDING));
  });
}
