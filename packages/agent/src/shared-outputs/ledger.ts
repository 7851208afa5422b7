import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, tryLock } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';

/** Interval at which the lock and the marks of running tasks are checked. Not configurable: `sharedOutputsMs` limits how long. */
const POLL_MS = 20;
const LOCK = 'lock';

/** What a process does with outputs. `wanted`: it waits to replace them, so that no further reader begins. */
type Kind = 'running' | 'reading' | 'wanted';
type Marks = readonly (readonly [Kind, readonly string[]])[];

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
    return [
      ...new Set((await Promise.all(taskIds.map((id) => this.leftBy(id)))).flatMap((paths) => paths ?? [])),
    ];
  }

  /** Paths that a task has left here; null: it has never been here. */
  async leftBy(taskId: string): Promise<string[] | null> {
    const text = await readFile(join(this.folder, nameOf(taskId)), 'utf8').catch(() => null);
    return text === null ? null : (JSON.parse(text) as string[]);
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

  /** Marks these tasks as running, and as reading the outputs of `read`, until the returned function is called. */
  async begin(
    taskIds: readonly string[],
    read: readonly string[],
    signal?: AbortSignal,
  ): Promise<() => Promise<void>> {
    const mark = () =>
      this.mark([
        ['running', taskIds],
        ['reading', read],
      ]);
    return this.alone([['wanted', read]], mark, signal);
  }

  /**
   * Runs `work` while no other process does, and nobody runs one of `notRunning` or reads outputs of `notRead`.
   * @throws DteError DTE_OUTPUTS_BUSY, and what `work` throws
   */
  async replacing<T>(
    notRunning: readonly string[],
    notRead: readonly string[],
    work: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    let unmark: (() => Promise<void>) | null = null;
    const onBusy = async (kind: Kind): Promise<void> => {
      if (kind === 'reading') unmark ??= await this.mark([['wanted', notRead]]);
    };
    const free: Marks = [
      ['running', notRunning],
      ['reading', notRead],
    ];
    try {
      return await this.alone(free, work, signal, onBusy);
    } finally {
      await (unmark as (() => Promise<void>) | null)?.();
    }
  }

  /** @param onBusy called with the lock held */
  private async alone<T>(
    free: Marks,
    work: () => Promise<T>,
    signal?: AbortSignal,
    onBusy?: (kind: Kind) => Promise<void>,
  ): Promise<T> {
    const deadline = performance.now() + this.waitMs;
    for (;;) {
      signal?.throwIfAborted();
      const release = tryLock(join(this.folder, LOCK));
      if (release !== null) {
        try {
          const busy = await this.busy(free);
          if (busy === null) return await work();
          await onBusy?.(busy);
        } finally {
          release();
        }
      }
      if (performance.now() > deadline) {
        throw new DteError(
          'DTE_OUTPUTS_BUSY',
          `Tasks that write to the same outputs, or read them, did not finish within ${this.waitMs} ms (sharedOutputsMs).`,
        );
      }
      await delay(POLL_MS);
    }
  }

  /** With the lock held: whoever reads a mark finds all of it. */
  private async mark(marks: Marks): Promise<() => Promise<void>> {
    const made: string[] = [];
    const unmark = async (): Promise<void> => {
      for (const path of made) await rm(path, { force: true });
    };
    try {
      for (const [kind, taskIds] of marks) {
        if (taskIds.length === 0) continue;
        const path = join(this.folder, `${kind} ${process.pid} ${randomUUID()}`);
        made.push(path);
        await writeFile(path, JSON.stringify(taskIds));
      }
      return unmark;
    } catch (thrown) {
      await unmark();
      throw thrown;
    }
  }

  /** The first of these kinds with a mark of a living process on one of its tasks; null: none. */
  private async busy(free: Marks): Promise<Kind | null> {
    if (free.every(([, taskIds]) => taskIds.length === 0)) return null;
    const files = await readdir(this.folder);
    for (const [kind, taskIds] of free)
      for (const file of files)
        if (file.startsWith(`${kind} `) && (await this.isOf(file, taskIds))) return kind;
    return null;
  }

  private async isOf(file: string, taskIds: readonly string[]): Promise<boolean> {
    const path = join(this.folder, file);
    if (!isAlive(Number(file.split(' ')[1]))) {
      await rm(path, { force: true });
      return false;
    }
    // It may be over meanwhile.
    const marked = await readFile(path, 'utf8').catch(() => '[]');
    return (JSON.parse(marked) as string[]).some((id) => taskIds.includes(id));
  }
}
