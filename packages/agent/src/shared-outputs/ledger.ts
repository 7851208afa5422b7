import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, tryLock } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';

/** Interval at which the lock and the marks of running tasks are checked. Not configurable: `sharedOutputsMs` limits how long. */
const POLL_MS = 20;
const LOCK = 'lock';
const RUNNING = 'running ';

const nameOf = (taskId: string): string => createHash('sha1').update(taskId).digest('hex');

/**
 * The files that tasks with shared outputs have left in a workspace, for all processes that work in it: a folder of small
 * files. What a process held is released when it exits.
 */
export class Ledger {
  constructor(
    private readonly folder: string,
    private readonly waitMs: number,
  ) {}

  /** Paths that these tasks have left here. */
  async left(taskIds: readonly string[]): Promise<string[]> {
    const lists = taskIds.map(async (taskId) => {
      const text = await readFile(join(this.folder, nameOf(taskId)), 'utf8').catch(() => '[]');
      return JSON.parse(text) as string[];
    });
    return [...new Set((await Promise.all(lists)).flat())];
  }

  async note(taskId: string, paths: readonly string[]): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const path = join(this.folder, nameOf(taskId));
    // In one step: other processes may be reading it, and the disk may be full.
    const draft = `${path} ${randomUUID()}`;
    try {
      await writeFile(draft, JSON.stringify(paths));
      await rename(draft, path);
    } catch (thrown) {
      await rm(draft, { force: true });
      throw thrown;
    }
  }

  /** Marks this task as running, until the returned function is called. */
  async begin(taskId: string, signal?: AbortSignal): Promise<() => Promise<void>> {
    const mark = join(this.folder, `${RUNNING}${nameOf(taskId)} ${process.pid}`);
    await this.alone([], () => writeFile(mark, ''), signal);
    return () => rm(mark, { force: true });
  }

  /**
   * Runs `work` while no other process does, and none of these tasks runs.
   * @throws DteError DTE_OUTPUTS_BUSY, and what `work` throws
   */
  async alone<T>(notRunning: readonly string[], work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const names = new Set(notRunning.map(nameOf));
    const deadline = performance.now() + this.waitMs;
    for (;;) {
      signal?.throwIfAborted();
      const release = tryLock(join(this.folder, LOCK));
      if (release !== null) {
        try {
          if (!(await this.isRunning(names))) return await work();
        } finally {
          release();
        }
      }
      if (performance.now() > deadline) {
        throw new DteError(
          'DTE_OUTPUTS_BUSY',
          `Tasks that write to the same outputs did not finish within ${this.waitMs} ms (sharedOutputsMs).`,
        );
      }
      await delay(POLL_MS);
    }
  }

  private async isRunning(names: ReadonlySet<string>): Promise<boolean> {
    if (names.size === 0) return false;
    for (const file of await readdir(this.folder)) {
      if (!file.startsWith(RUNNING)) continue;
      const [name = '', pid = '0'] = file.slice(RUNNING.length).split(' ');
      if (!isAlive(Number(pid))) await rm(join(this.folder, file), { force: true });
      else if (names.has(name)) return true;
    }
    return false;
  }
}
