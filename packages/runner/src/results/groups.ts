import {
  dependencyClosure,
  type LateHasher,
  type NxTask,
  type TaskCache,
  type TaskGraph,
} from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import type { Explainer } from '../report/explainer';
import { historyHash } from '../tasks/history-hash';
import type { OutputsHere } from '../outputs/outputs-here';

export interface GroupsOptions {
  readonly graph: TaskGraph;
  /** Tasks of `nx:noop`. */
  readonly ids: readonly string[];
  readonly cache: Pick<TaskCache, 'fetch' | 'lookupLocal' | 'store'>;
  readonly hasher: LateHasher;
  readonly outputs: Pick<OutputsHere, 'absent' | 'isLeft'>;
  readonly explainer: Explainer;
  readonly skipNxCache: boolean;
  readonly skipRemoteCache: boolean;
}

export interface GroupEnd {
  readonly terminalOutput: string;
  /** Set if a cache had it. */
  readonly from: 'local' | 'remote' | null;
}

/**
 * Tasks that only group others (`nx:noop`, such as the `test-ci` that represents one task for each file) run nowhere.
 * For Nx, they are ordinary tasks: each has a hash, and those with `cache: true` are hits the next time.
 */
export class Groups {
  private readonly ids: ReadonlySet<string>;

  constructor(private readonly options: GroupsOptions) {
    this.ids = new Set(options.ids);
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }

  /** The task is due: its dependencies have succeeded, and their outputs are on this disk unless they were not downloaded. */
  async end(task: NxTask): Promise<GroupEnd> {
    const { graph, cache, outputs, explainer } = this.options;
    const ended: GroupEnd = { terminalOutput: '', from: null };
    const isWhole = dependencyClosure(graph, task.id).every((id) => !outputs.absent.has(id));
    try {
      if (isWhole) task.hash ??= await this.options.hasher.hash(task);
      // For outputs that were not downloaded, a cache entry under this hash would contain none.
      if (task.hash === undefined || task.cache !== true || !isWhole || outputs.isLeft(task)) return ended;
      const found = await this.find(task);
      if (found !== null) return found;
      await cache.store(task, '');
    } catch (thrown) {
      // This costs a cache hit, not the result.
      explainer.explain(DteError.from(thrown));
    } finally {
      task.hash ??= historyHash('group', task.id);
    }
    return ended;
  }

  private async find(task: NxTask): Promise<GroupEnd | null> {
    const { cache, skipNxCache, skipRemoteCache } = this.options;
    if (skipNxCache) return null;
    if (skipRemoteCache && !(await cache.lookupLocal([task])).has(task.id)) return null;
    const found = await cache.fetch(task);
    if (found.kind !== 'local' && found.kind !== 'remote') return null;
    return found.entry.code === 0 ? { terminalOutput: found.entry.terminalOutput, from: found.kind } : null;
  }
}
