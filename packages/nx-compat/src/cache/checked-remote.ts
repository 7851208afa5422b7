import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import type { NxTask } from '../model/types';
import type { NxCachedResult, NxRemoteCache } from './nx-cache';
import type { ArtifactReader, ArtifactWriter } from './types';

type Asking = ReadonlyMap<string, Pick<NxTask, 'id' | 'outputs'>>;

export interface CheckedRemoteOptions {
  readonly inner: NxRemoteCache;
  readonly reader: ArtifactReader;
  /** Omitted: Nx's own client uploads. */
  readonly writer: ArtifactWriter | undefined;
  /** May results of other pipelines be used for this task? */
  readonly takesShared: (taskId: string) => boolean;
}

/**
 * Nx's remote cache with another reader and writer. Nx requests a hash from its remote cache. Only the caller of Nx (`asking`)
 * knows which task it is for, and thus what its artifact may write.
 */
export class CheckedRemoteCache implements NxRemoteCache {
  private readonly tasks = new AsyncLocalStorage<Asking>();
  private running = 0;

  constructor(private readonly options: CheckedRemoteOptions) {}

  /**
   * Runs code that queries Nx's cache for these tasks. While such a storage is in use, Node 20 and 22 do some work for every promise
   * of the process; so it is in use only as long as somebody asks.
   */
  async asking<T>(tasks: readonly NxTask[], work: () => Promise<T>): Promise<T> {
    this.running += 1;
    try {
      return await this.tasks.run(new Map(tasks.map((task) => [task.hash ?? '', task])), work);
    } finally {
      this.running -= 1;
      if (this.running === 0) this.tasks.disable();
    }
  }

  async retrieve(hash: string, cacheDirectory: string): Promise<NxCachedResult | null> {
    const task = this.tasks.getStore()?.get(hash);
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
