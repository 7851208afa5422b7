import { dependencyClosure, type LateHasher, type NxTask, type TaskGraph } from '@org/dte-nx-compat';
import { inParallel } from '../tasks/in-parallel';
import { taskOf, withDependants, type Plan } from '../tasks/plan';

/** What is known about a cached task. */
export interface Settled {
  /** Its result is a failure. */
  readonly failed: boolean;
  /** Its outputs are in this machine's cache. */
  readonly local: boolean;
}

/** Computes hashes for tasks without one, as soon as their dependencies are settled. */
export interface LateHashes {
  /**
   * Each task is tried once.
   * @param settled what caches have so far, by task id
   * @returns hashes of some more tasks, by task id; empty if there is nothing left to hash before something has run
   */
  next(settled: ReadonlyMap<string, Settled>): Promise<ReadonlyMap<string, string>>;
}

export interface LateHashesOptions {
  readonly graph: TaskGraph;
  readonly plan: Pick<Plan, 'pending' | 'noop'>;
  /** Tasks of batches are hashed where their batch runs. */
  readonly batches: ReadonlyMap<string, string>;
  readonly hasher: LateHasher;
  /** Restores the cached outputs of a task; false if that fails. */
  readonly bring: (task: NxTask) => Promise<boolean>;
  /** Outputs that are not to be downloaded (`restoreOutputs`) are not fetched for a hash: an agent can compute it as well. */
  readonly isLeft: (task: NxTask) => boolean;
  readonly concurrency: number;
}

/** For commands that use no cache anyway. */
export const noLateHashes: LateHashes = { next: () => Promise.resolve(new Map()) };

/**
 * Tasks with a custom hasher, and those whose inputs are outputs of other tasks, have no hash at first: Nx computes it
 * right before it runs them, with all their dependencies on disk. If all dependencies are cached, the hash can be
 * computed before agents are used, and a fully cached command needs none. A hash that no cache knows is discarded: the
 * agent that runs the task computes its own. Tasks that need a server are left to agents, which have one.
 */
export function createLateHashes(options: LateHashesOptions): LateHashes {
  const { graph, plan, batches, hasher, isLeft, concurrency } = options;
  const waiting = new Set(
    plan.pending.filter((id) => {
      const { hash, cache } = taskOf(graph, id);
      return hash === undefined && cache === true && !batches.has(id);
    }),
  );
  const noop = new Set(plan.noop);
  const brought = new Map<string, Promise<boolean>>();
  const bring = (id: string): Promise<boolean> => {
    const known = brought.get(id);
    if (known !== undefined) return known;
    const bringing = options.bring(taskOf(graph, id)).catch(() => false);
    brought.set(id, bringing);
    return bringing;
  };

  /** Those whose direct and indirect dependencies are all cached successes. */
  function ready(settled: ReadonlyMap<string, Settled>): string[] {
    const open = Object.keys(graph.tasks).filter((id) => !noop.has(id) && settled.get(id)?.failed !== false);
    const blocked = withDependants(graph, open);
    const isFree = ({ id }: { readonly id: string }): boolean => !blocked.has(id);
    return [...waiting].filter(
      (id) =>
        (graph.dependencies[id] ?? []).every(isFree) && (graph.continuousDependencies[id] ?? []).length === 0,
    );
  }

  async function hashOf(id: string, settled: ReadonlyMap<string, Settled>): Promise<string | null> {
    const needed = dependencyClosure(graph, id).filter((other) => settled.has(other));
    if (needed.some((other) => settled.get(other)?.local !== true && isLeft(taskOf(graph, other))))
      return null;
    // Dependencies first: outputs of a task may be inside those of another.
    for (const other of needed) if (!(await bring(other))) return null;
    // A failing hasher is a problem of the task, and is reported when the task runs.
    return hasher.hash(taskOf(graph, id)).catch(() => null);
  }

  return {
    async next(settled) {
      const hashes = new Map<string, string>();
      if (waiting.size === 0) return hashes;
      const ids = ready(settled);
      for (const id of ids) waiting.delete(id);
      await inParallel(ids, concurrency, async (id) => {
        const hash = await hashOf(id, settled);
        if (hash !== null && hash !== '') hashes.set(id, hash);
      });
      return hashes;
    },
  };
}
