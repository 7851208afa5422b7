import { type FileHandle, open, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { DteError, LIMITS, type LimitValues, moment } from '@org/dte-protocol';
import { systemCode } from '../files/file-system';
import {
  fileClockOffsetMs,
  type FoundLock,
  type Holder,
  lockNumbers,
  lockPath,
  lockText,
  newestLock,
} from './lock-file';
import { ownMark, stateOf } from './process-mark';

export interface FolderLockOptions {
  readonly folder: string;
  readonly limits: Pick<LimitValues, 'dataFolderWaitMs' | 'dataFolderStaleMs'>;
  /** Another process has taken the folder: nothing may be written to it any more. Called once. */
  readonly onLost: (error: DteError) => void;
}

/** Renewals that may be missed before a lock is stale: a part of the limit `dataFolderStaleMs`. */
const RENEWALS = 4;

/**
 * Keeps a second process out of a data folder, with a file `coordinator.lock.<n>` that names the holder.
 *
 * The highest number applies. A process takes the folder by creating the next number with `wx`, so only one of several
 * succeeds. The newest file is never removed, not even on release: a slow process that creates an old number again
 * finds the newer one and withdraws. A holder on this machine is judged by its process alone, one on another machine or
 * in another container by its renewals. Such a holder may be frozen, lose the folder, and write once more before it
 * checks.
 *
 * Locks between the processes of one machine, which need no renewals, are taken by `tryLock` of nx-compat.
 */
export class FolderLock {
  private readonly timer: NodeJS.Timeout;
  private renewing: Promise<void> = Promise.resolve();
  private over = false;

  private constructor(
    private readonly options: FolderLockOptions,
    private readonly number: number,
    private readonly handle: FileHandle,
    private readonly holder: Holder,
  ) {
    const everyMs = options.limits.dataFolderStaleMs / RENEWALS;
    const renew = (): void => {
      this.renewing = this.renewing.then(() => this.renew());
    };
    this.timer = setInterval(renew, everyMs).unref();
  }

  /**
   * Takes the folder; waits a while for a holder that is about to exit.
   * @throws DteError DTE_DATA_FOLDER_IN_USE
   */
  static async take(options: FolderLockOptions): Promise<FolderLock> {
    const { folder, limits } = options;
    const judge = new Judge(limits.dataFolderStaleMs, await fileClockOffsetMs(folder));
    const startedMs = performance.now();
    for (;;) {
      const found = await newestLock(folder);
      const verdict = found === null ? 'free' : judge.look(found, performance.now());
      if (verdict === 'free') {
        const lock = await FolderLock.create(options, (found?.number ?? 0) + 1);
        if (lock !== null) return lock;
      } else {
        const waitedMs = performance.now() - startedMs;
        if (verdict === 'held' && waitedMs >= limits.dataFolderWaitMs)
          throw inUse(folder, found?.holder ?? null);
        await delay(LIMITS.dataFolderPollMs.value);
      }
    }
  }

  private static async create(options: FolderLockOptions, number: number): Promise<FolderLock | null> {
    const { folder } = options;
    const path = lockPath(folder, number);
    let handle: FileHandle;
    try {
      handle = await open(path, 'wx', 0o600);
    } catch (thrown) {
      if (systemCode(thrown) === 'EEXIST') return null;
      throw thrown;
    }
    try {
      const holder = { ...ownMark(), sinceMs: Date.now(), released: false };
      await handle.write(lockText(holder), 0);
      const others = (await lockNumbers(folder)).filter((other) => other !== number);
      if (others.every((other) => other < number)) {
        for (const other of others) await rm(lockPath(folder, other), { force: true });
        return new FolderLock(options, number, handle, holder);
      }
    } catch (thrown) {
      await withdraw(handle, path);
      throw thrown;
    }
    await withdraw(handle, path);
    return null;
  }

  /** Releases the folder immediately. */
  async release(): Promise<void> {
    clearInterval(this.timer);
    await this.renewing;
    if (this.over) return;
    this.over = true;
    // The process exits next, which has the same effect.
    await this.rewrite({ ...this.holder, released: true }).catch(() => undefined);
    await this.handle.close();
  }

  private async renew(): Promise<void> {
    if (this.over) return;
    try {
      const numbers = await lockNumbers(this.options.folder);
      const [newest] = numbers;
      // Only an older one: somebody has emptied the folder, and another process has started to count again.
      if (newest !== undefined && (newest > this.number || !numbers.includes(this.number))) {
        await this.lose(newest);
        return;
      }
      // Not utimes: that would set this machine's time, and others compare with the file system's.
      await this.handle.write(lockText(this.holder), 0);
    } catch {
      // A disk that is temporarily unavailable does not show who has the folder.
    }
  }

  private async lose(newest: number): Promise<void> {
    this.over = true;
    clearInterval(this.timer);
    const { folder } = this.options;
    const found = await newestLock(folder).catch(() => null);
    this.options.onLost(inUse(folder, found?.number === newest ? found.holder : null));
    await this.handle.close();
  }

  private async rewrite(holder: Holder): Promise<void> {
    await this.handle.truncate(0);
    await this.handle.write(lockText(holder), 0);
  }
}

/** Checks the newest lock of a folder repeatedly, and remembers since when it has not changed. */
class Judge {
  private first: FoundLock | null = null;
  private seenMs = 0;
  private renewed = false;

  constructor(
    private readonly staleMs: number,
    private readonly clockOffsetMs: number,
  ) {}

  /** `unsure`: not known yet; within `staleMs` it will be free or held. */
  look(found: FoundLock, nowMs: number): 'free' | 'held' | 'unsure' {
    this.remember(found, nowMs);
    if (found.holder?.released === true) return 'free';
    const state = found.holder === null ? 'unknown' : stateOf(found.holder);
    if (state !== 'unknown') return state === 'alive' ? 'held' : 'free';
    const ageMs = Date.now() + this.clockOffsetMs - found.mtimeMs;
    // Observed for that time as well: after a clock was set back, a stale lock would look recent forever.
    if (ageMs >= this.staleMs || nowMs - this.seenMs >= this.staleMs) return 'free';
    return this.renewed ? 'held' : 'unsure';
  }

  private remember(found: FoundLock, nowMs: number): void {
    if (this.first?.number === found.number && this.first.mtimeMs === found.mtimeMs) return;
    this.renewed = this.first?.number === found.number;
    this.first = found;
    this.seenMs = nowMs;
  }
}

async function withdraw(handle: FileHandle, path: string): Promise<void> {
  await handle.close();
  await rm(path, { force: true });
}

function inUse(folder: string, holder: Holder | null): DteError {
  const who =
    holder === null
      ? 'another coordinator'
      : `the coordinator that is process ${holder.pid} on ${holder.host}, since ${moment(holder.sinceMs)}`;
  return new DteError('DTE_DATA_FOLDER_IN_USE', `The data folder ${folder} is used by ${who}.`);
}
