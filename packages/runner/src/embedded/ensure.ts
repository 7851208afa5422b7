import { tryLock } from '@org/dte-nx-compat';
import { type Rendezvous, duration } from '@org/dte-protocol';
import { join } from 'node:path';
import type { Resolved } from '@org/dte-config';
import { coordinatorAnswers } from './alive';
import { folderOfTry, isEarlierTry, jobMarkOf } from './earlier-try';
import { dataDirOf, historyDirOf, makeDataFolder } from '../data-folder/data-folder';
import { refuseIfGivenUp } from './give-up';
import { locateOrStart, type Located } from './locate';
import type { Surroundings } from '../session/surroundings';
import { startEmbedded } from './start';

export interface EnsureOptions {
  readonly resolved: Resolved;
  readonly surroundings: Surroundings;
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
  readonly workspaceRoot: string;
  /** Called while the coordinator is still starting. */
  readonly note: (line: string) => void;
  /** Called when the coordinator of this job was started, and failed. */
  readonly onStartFailed?: () => void;
  /** True: a coordinator is started although this job has released its agents. */
  readonly anew?: boolean;
  /** Flags of this command that the coordinator must know as well. */
  readonly args?: readonly string[];
}

/**
 * Makes sure that the session has a coordinator: starts an embedded one if an address can be published through the
 * rendezvous. If the user configured an address, the connection waits for that coordinator.
 * @returns whether this process has started it, and what was published before
 */
export async function ensureCoordinator(
  options: EnsureOptions,
): Promise<Pick<Located, 'started' | 'previous'>> {
  const { resolved, surroundings, rendezvous, sessionId, workspaceRoot } = options;
  if (rendezvous.isAddressGiven) return { started: false, previous: null };
  const dataDir = dataDirOf(resolved, workspaceRoot);
  const { coordinatorStartMs, rendezvousRetryMs, progressMs: noteMs } = resolved.limits;
  // A rendezvous that many share may be busy for a while; a folder is never busy.
  const timeoutMs = coordinatorStartMs + (rendezvous.isShared ? rendezvousRetryMs : 0);
  const job = jobMarkOf(surroundings.job);
  const onSlow = (elapsedMs: number): void =>
    options.note(
      `dte: the coordinator of this job is still starting (${duration(elapsedMs)}; at most ${duration(timeoutMs)})`,
    );
  return locateOrStart({
    rendezvous,
    sessionId,
    timeoutMs,
    noteMs,
    onSlow,
    check: (record) => {
      if (options.anew !== true) refuseIfGivenUp(record, job);
    },
    isEarlierTry: (record) => isEarlierTry(record, job),
    isAlive: (record) => coordinatorAnswers(record, resolved.limits),
    tryLock: () => tryLock(join(makeDataFolder(dataDir), `${sessionId}.lock`)),
    start: async () => {
      const { cliPath } = surroundings;
      const own = join(dataDir, folderOfTry(job, sessionId));
      // Data that must outlive a try is not in the folder of the try.
      const history = historyDirOf(resolved, workspaceRoot);
      const args = [
        '--session',
        sessionId,
        '--data-dir',
        own,
        '--history-dir',
        history,
        ...(options.args ?? []),
      ];
      try {
        await startEmbedded({ cliPath, workspaceRoot, dataDir, timeoutMs, noteMs, onSlow, args });
      } catch (thrown) {
        options.onStartFailed?.();
        throw thrown;
      }
    },
  });
}
