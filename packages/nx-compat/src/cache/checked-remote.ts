import { join } from 'node:path';
import type { NxTask } from '../model/types';
import type { NxCachedResult, NxRemoteCache } from './nx-cache';
import type { ArtifactReader, ArtifactWriter } from './types';

type Asker = Pick<NxTask, 'id' | 'outputs' | 'hash'>;

export interface CheckedRemoteOptions {
  readonly inner: NxRemoteCache;
  readonly reader: ArtifactReader;
  /** Omitted: Nx's own client uploads. */
  readonly writer: ArtifactWriter | undefined;
  /** May results of other pipelines be used for this task? */
  readonly takesShared: (taskId: string) => boolean;
}

/** A task for which Nx is queried. */
interface Asked {
  readonly task: Asker;
  /** How many queries for it are open: one may be inside another. */
  open: number;
  readonly over: Promise<void>;
  readonly settle: () => void;
}

/**
 * Nx's remote cache with another reader and writer. Nx requests a hash from its remote cache. Only the caller of Nx (`asking`)
 * knows which task it is for, and thus what its artifact may write.
 */
export class CheckedRemoteCache implements NxRemoteCache {
  /**
   * Hash -> the task. An AsyncLocalStorage would know it as well, and on Node 20 would make each promise and callback of the process
   * slower, for some milliseconds per task.
   */
  private readonly asked = new Map<string, Asked>();

  constructor(private readonly options: CheckedRemoteOptions) {}

  /** Runs code that queries Nx's cache for these tasks, each with another hash. Two tasks with the same hash wait for one another. */
  async asking<T>(tasks: readonly Asker[], work: () => Promise<T>): Promise<T> {
    for (let other = this.inTheWayOf(tasks); other !== undefined; other = this.inTheWayOf(tasks))
      await other.over;
    for (const task of tasks) this.begin(task);
    try {
      return await work();
    } finally {
      for (const { hash = '' } of tasks) this.end(hash);
    }
  }

  private inTheWayOf(tasks: readonly Asker[]): Asked | undefined {
    for (const { id, hash = '' } of tasks) {
      const asked = this.asked.get(hash);
      if (asked !== undefined && asked.task.id !== id) return asked;
    }
    return undefined;
  }

  private begin(task: Asker): void {
    const { hash = '' } = task;
    const known = this.asked.get(hash);
    if (known !== undefined) {
      known.open += 1;
      return;
    }
    let settle = (): void => undefined;
    const over = new Promise<void>((resolve) => (settle = resolve));
    this.asked.set(hash, { task, open: 1, over, settle });
  }

  private end(hash: string): void {
    const asked = this.asked.get(hash);
    if (asked === undefined || --asked.open > 0) return;
    this.asked.delete(hash);
    asked.settle();
  }

  async retrieve(hash: string, cacheDirectory: string): Promise<NxCachedResult | null> {
    const task = this.asked.get(hash)?.task;
    if (task === undefined) throw new Error(`no task with the hash ${hash} is known`);
    const { reader, takesShared } = this.options;
    const { id: taskId, outputs } = task;
    return reader.retrieve({ hash, taskId, outputs, cacheDirectory, ownOnly: !takesShared(taskId) });
  }

  store(...args: Parameters<NxRemoteCache['store']>): ReturnType<NxRemoteCache['store']> {
    const { inner, writer } = this.options;
    const [hash, cacheDirectory, terminalOutput, code] = args;
    if (writer === undefined) return inner.store(...args);
    return writer.store({ hash, folder: join(cacheDirectory, hash), terminalOutput, code });
  }
}
