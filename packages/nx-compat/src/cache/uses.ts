import type { NxTask } from '../model/types';
import type { CacheUse } from './types';

const ANY: CacheUse = { local: true, shared: true, published: true };

/**
 * Whose results may be used for which task. Nx has one local cache for all pipelines that a machine has seen: an entry counts as
 * this pipeline's only if this process has stored it, or has received it from the session.
 */
export class CacheUses {
  private useOf: (taskId: string) => CacheUse = () => ANY;
  /** Hashes whose local entry is of this pipeline. */
  private readonly own = new Set<string>();

  limit(useOf: (taskId: string) => CacheUse): void {
    this.useOf = useOf;
  }

  of({ id }: Pick<NxTask, 'id'>): CacheUse {
    return this.useOf(id);
  }

  isOwn(hash: string | undefined): void {
    if (hash !== undefined) this.own.add(hash);
  }

  /** May an entry of this machine's cache be used for the task? */
  takesLocal(task: Pick<NxTask, 'id' | 'hash'>): boolean {
    return this.of(task).local || this.own.has(task.hash ?? '');
  }
}
