import {
  dependencyClosure,
  type LateHasher,
  type NxTask,
  type TaskCache,
  type TaskGraph,
} from '@org/dte-nx-compat';
import { inParallel } from '../tasks/in-parallel';
import { taskOf } from '../tasks/plan';

export interface CachedTasksOptions {
  readonly graph: TaskGraph;
  /** Tasks that would run without any cache. */
  readonly pending: readonly string[];
  /** Tasks that have no outputs and need no run. */
  readonly noop: readonly string[];
  readonly cache: Pick<TaskCache, 'lookupLocal' | 'fetch' | 'remoteKind'>;
  readonly hasher: LateHasher;
  /** Tasks fetched at a time. */
  readonly concurrency: number;
}

/** Queries the available caches: this machine's, and the organisation's own remote one. */
class CacheQuestion {
  /** Task id -> the task with its hash. */
  readonly hits = new Map<string, NxTask>();
  private readonly onDisk = new Set<string>();

  constructor(private readonly options: CachedTasksOptions) {}

  async ask(tasks: readonly NxTask[]): Promise<void> {
    const { cache, concurrency } = this.options;
    const local = await cache.lookupLocal(tasks);
    for (const task of tasks) if (local.has(task.id)) this.hits.set(task.id, task);
    if (cache.remoteKind !== 'other') return;
    // The only possible query is a download. The main job downloads it again; this job only needs to know.
    const missing = tasks.filter(({ id }) => !local.has(id));
    await inParallel(missing, concurrency, async (task) => {
      if (await this.fetch(task)) this.hits.set(task.id, task);
    });
  }

  /** Restores the outputs of hits to disk; false if one is not available after all. */
  async restore(ids: readonly string[]): Promise<boolean> {
    for (const id of ids) {
      const task = this.hits.get(id);
      if (task !== undefined && !this.onDisk.has(id) && !(await this.fetch(task))) return false;
    }
    return true;
  }

  private async fetch(task: NxTask): Promise<boolean> {
    const { kind } = await this.options.cache.fetch(task);
    const found = kind === 'local' || kind === 'remote';
    if (found) this.onDisk.add(task.id);
    return found;
  }
}

/**
 * The tasks that need not run because a cache has their results.
 *
 * A hash that depends on outputs of other tasks can be computed when those exist: if all of these tasks are hits, their
 * outputs are restored, and the cache is queried for the task as well. Otherwise, a workspace with one such target
 * would never be "all cached".
 */
export async function cachedTasks(options: CachedTasksOptions): Promise<ReadonlySet<string>> {
  const { graph, hasher } = options;
  const nothingToDo = new Set(options.noop);
  const question = new CacheQuestion(options);
  const cacheable = options.pending.map((id) => taskOf(graph, id)).filter(({ cache }) => cache === true);
  await question.ask(cacheable.filter(({ hash }) => hash !== undefined));

  const needsOf = (task: NxTask): string[] => dependencyClosure(graph, task.id);
  const isReady = (task: NxTask): boolean =>
    needsOf(task).every((id) => question.hits.has(id) || nothingToDo.has(id));
  let late = cacheable.filter(({ hash }) => hash === undefined);
  for (let ready = late.filter(isReady); ready.length > 0; ready = late.filter(isReady)) {
    late = late.filter((task) => !ready.includes(task));
    for (const task of ready) {
      if (!(await question.restore(needsOf(task)))) continue;
      await question.ask([{ ...task, hash: await hasher.hash(task) }]);
    }
  }
  return new Set(question.hits.keys());
}
