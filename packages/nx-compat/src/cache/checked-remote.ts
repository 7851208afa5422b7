import { AsyncLocalStorage } from 'node:async_hooks';
import type { NxTask } from '../model/types';
import type { NxCachedResult, NxRemoteCache } from './nx-cache';
import type { ArtifactReader } from './types';

type Asking = ReadonlyMap<string, Pick<NxTask, 'id' | 'outputs'>>;

/**
 * Nx's remote cache with another reader. Nx requests a hash from its remote cache. Only the caller of Nx (`asking`)
 * knows which task it is for, and thus what its artifact may write.
 */
export class CheckedRemoteCache implements NxRemoteCache {
  private readonly tasks = new AsyncLocalStorage<Asking>();

  constructor(
    private readonly inner: NxRemoteCache,
    private readonly reader: ArtifactReader,
  ) {}

  /** Runs code that queries Nx's cache for these tasks. */
  asking<T>(tasks: readonly NxTask[], work: () => T): T {
    return this.tasks.run(new Map(tasks.map((task) => [task.hash ?? '', task])), work);
  }

  async retrieve(hash: string, cacheDirectory: string): Promise<NxCachedResult | null> {
    const task = this.tasks.getStore()?.get(hash);
    if (task === undefined) throw new Error(`no task with the hash ${hash} is known`);
    return this.reader.retrieve({ hash, taskId: task.id, outputs: task.outputs, cacheDirectory });
  }

  store(...args: Parameters<NxRemoteCache['store']>): ReturnType<NxRemoteCache['store']> {
    return this.inner.store(...args);
  }
}
