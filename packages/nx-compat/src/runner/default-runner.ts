import { nxCacheModule } from '../cache/nx-cache';
import { OpenedCache } from '../cache/open-cache';
import type { TaskCache } from '../cache/types';
import { resolveNx, type NxInstall } from '../install/nx-install';
import { normaliseTaskGraph, subgraph, toNxTaskGraph } from '../model/task-graph';
import type {
  NxEdge,
  NxLifeCycle,
  NxRunnerContext,
  NxRunnerOptions,
  NxStatuses,
  NxTask,
  RawTaskGraph,
  TaskGraph,
} from '../model/types';

type TasksRunner = (
  tasks: NxTask[],
  options: NxRunnerOptions,
  context: NxRunnerContext,
) => Promise<NxStatuses>;

const defaultRunner = (nx: NxInstall): TasksRunner =>
  nx.load<{ defaultTasksRunner: TasksRunner }>('src/tasks-runner/default-tasks-runner').defaultTasksRunner;

/** A part of a run for this machine. */
export interface SubsetRequest {
  /** Ids of the tasks to run. Their dependencies outside this list count as done, with outputs on disk. */
  taskIds: Iterable<string>;
  /** Tasks that failed on agents: their dependents in `taskIds` are skipped. */
  failedTaskIds?: Iterable<string> | undefined;
  options: NxRunnerOptions;
  context: NxRunnerContext;
  /** Default: that of `options`. Its startCommand and endCommand are not called. */
  lifeCycle?: NxLifeCycle | undefined;
  /**
   * A cache that we opened, used instead of Nx's own: a failing remote then counts as a miss. If omitted, Nx creates
   * its own from the environment.
   */
  cache?: TaskCache | undefined;
}

/** The user's life cycle without the two calls that were already made once for the whole command. */
const withoutCommandHooks = (lifeCycle: NxLifeCycle): NxLifeCycle =>
  new Proxy(lifeCycle, {
    get(target, key): unknown {
      if (key === 'startCommand' || key === 'endCommand') return () => undefined;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });

const dependantsOf = (graph: TaskGraph, failed: Set<string>): Set<string> => {
  const dependants = new Map<string, string[]>();
  const add = ([id, edges]: [string, NxEdge[]]): void => {
    for (const edge of edges) {
      const known = dependants.get(edge.id);
      if (known) known.push(id);
      else dependants.set(edge.id, [id]);
    }
  };
  Object.entries(graph.dependencies).forEach(add);
  Object.entries(graph.continuousDependencies).forEach(add);
  const reached = new Set<string>();
  const queue = [...failed];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const dependant of dependants.get(id) ?? []) {
      if (reached.has(dependant)) continue;
      reached.add(dependant);
      queue.push(dependant);
    }
  }
  return reached;
};

/**
 * Nx hashes a task of the subset from the graph that it was given, and a graph without the dependencies gives another
 * hash: whatever graph it passes, the whole one is used.
 */
const hashingFrom = (hasher: unknown, whole: RawTaskGraph): unknown => {
  if (typeof hasher !== 'object' || hasher === null) return hasher;
  const wrapped: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(hasher)) {
    wrapped[name] =
      typeof method === 'function'
        ? (tasks: unknown, _graph: unknown, ...rest: unknown[]): unknown =>
            (method as (...args: unknown[]) => unknown).call(hasher, tasks, whole, ...rest)
        : method;
  }
  return wrapped;
};

/** Nx gets a cache from its module at each run; during one run it gets the cache of dte. */
async function withCache<T>(nx: NxInstall, cache: TaskCache | undefined, run: () => Promise<T>): Promise<T> {
  if (!(cache instanceof OpenedCache)) return run();
  const module = nxCacheModule(nx);
  const { getCache } = module;
  module.getCache = () => cache.nxCache;
  try {
    return await run();
  } finally {
    module.getCache = getCache;
  }
}

/**
 * Runs some tasks of a run on this machine with Nx's own runner: nxBail, skipNxCache, parallel and the output style
 * apply as always. No version of Nx reports a skipped task to a life cycle hook, so this does not either.
 * @returns how each task of the subset ended; with nxBail, tasks that Nx never started may be missing on 20 and 21
 */
export async function runSubsetWithDefaultRunner(request: SubsetRequest): Promise<NxStatuses> {
  const { context, options } = request;
  const nx = resolveNx();
  const whole = normaliseTaskGraph(context.taskGraph);
  const wanted = new Set(request.taskIds);
  const failed = new Set(request.failedTaskIds ?? []);
  const unreachable = failed.size > 0 && context.nxArgs.nxBail ? wanted : dependantsOf(whole, failed);
  const skipped = [...wanted].filter((id) => unreachable.has(id));
  const part = subgraph(
    whole,
    [...wanted].filter((id) => !unreachable.has(id)),
  );
  const tasks = Object.values(part.tasks);
  const statuses: NxStatuses = Object.fromEntries(skipped.map((id) => [id, 'skipped' as const]));
  if (tasks.length === 0) return statuses;
  const lifeCycle = withoutCommandHooks(request.lifeCycle ?? options.lifeCycle);
  const ran = await withCache(nx, request.cache, () =>
    defaultRunner(nx)(
      tasks,
      { ...options, lifeCycle },
      {
        ...context,
        initiatingTasks: (context.initiatingTasks ?? []).filter(({ id }) => part.tasks[id] !== undefined),
        taskGraph: toNxTaskGraph(nx.major, part),
        hasher: hashingFrom(context.hasher, context.taskGraph),
      },
    ),
  );
  return { ...ran, ...statuses };
}
