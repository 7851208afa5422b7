import { httpClient } from '@org/dte-agent';
import type { Rendezvous } from '@org/dte-protocol';
import { isAbsolute, join } from 'node:path';
import type { Resolved } from '../config';
import { locateOrStart, type Located } from './locate';
import { tryLock } from './lock';
import { startEmbedded } from './start';

export interface EnsureOptions {
  readonly resolved: Resolved;
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
  readonly workspaceRoot: string;
  /** Flags of this command that the coordinator must know as well. */
  readonly args?: readonly string[];
}

/** Folder of the coordinator's data; a relative one starts at the workspace. */
export function dataDirOf(resolved: Resolved, workspaceRoot: string): string {
  const dir = resolved.config.dataDir ?? join('.nx', 'dte');
  return isAbsolute(dir) ? dir : join(workspaceRoot, dir);
}

const HEALTH_MS = 2_000;

/** Does a coordinator answer at this address? */
export async function coordinatorAnswers(url: string, resolved: Resolved): Promise<boolean> {
  const limits = { ...resolved.limits, httpRequestMs: Math.min(HEALTH_MS, resolved.limits.httpRequestMs) };
  const http = httpClient({ url, token: () => '', limits });
  try {
    await http.health();
    return true;
  } catch {
    return false;
  } finally {
    http.close();
  }
}

/**
 * Makes sure that the session has a coordinator, starting an embedded one where the rendezvous is a folder. An address
 * that was given (`static`) is left to the connection, which waits for it.
 * @returns whether this process has started it, and what was published before
 */
export async function ensureCoordinator(
  options: EnsureOptions,
): Promise<Pick<Located, 'started' | 'previous'>> {
  const { resolved, rendezvous, sessionId, workspaceRoot } = options;
  if (rendezvous.kind === 'static') return { started: false, previous: null };
  const dataDir = dataDirOf(resolved, workspaceRoot);
  const timeoutMs = resolved.limits.connectTimeoutMs;
  return locateOrStart({
    rendezvous,
    sessionId,
    timeoutMs,
    isAlive: (url) => coordinatorAnswers(url, resolved),
    tryLock: () => tryLock(join(dataDir, `${sessionId}.lock`)),
    start: async () => {
      const args = ['--session', sessionId, '--data-dir', dataDir, ...(options.args ?? [])];
      await startEmbedded({ workspaceRoot, dataDir, timeoutMs, args });
    },
  });
}
