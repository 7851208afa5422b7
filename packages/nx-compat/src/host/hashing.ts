import type { NxInstall } from '../nx-install';
import { subgraph, toNxTaskGraph } from '../task-graph';
import type { NxHashDetails, NxProjectGraph, NxTask, RawTaskGraph, TaskGraph } from '../types';
import type { HashResult } from './types';

interface Hash {
  value: string;
  details: NxHashDetails;
}

export interface NxTaskHasher {
  hashTask(task: NxTask, graph: RawTaskGraph, env: NodeJS.ProcessEnv): Promise<Hash>;
}

interface HashTaskModule {
  hashTask: (
    hasher: NxTaskHasher,
    projectGraph: NxProjectGraph,
    graph: RawTaskGraph,
    task: NxTask,
    env: NodeJS.ProcessEnv,
    taskDetails: null,
  ) => Promise<void>;
}

interface TaskEnvModule {
  /** 20 and 21 take the task alone. */
  getTaskSpecificEnv: (task: NxTask, projectGraph: NxProjectGraph) => NodeJS.ProcessEnv;
}

/**
 * The task and everything it depends on, which is all a hash can be made of. Native code converts every task of a graph it
 * is given, for each hash anew: with thousands of tasks the whole graph costs more than the hash.
 */
export function closureGraph(nxMajor: number, graph: TaskGraph, task: NxTask): RawTaskGraph {
  const ids = new Set([task.id]);
  // A Set is walked in order of insertion, additions included.
  for (const id of ids) {
    for (const edge of graph.dependencies[id] ?? []) ids.add(edge.id);
    for (const edge of graph.continuousDependencies[id] ?? []) ids.add(edge.id);
  }
  const closure = subgraph(graph, ids);
  closure.tasks[task.id] = task;
  return toNxTaskGraph(nxMajor, closure);
}

/** Hashes as Nx does, with one hasher for the life of the process. */
export class Hashing {
  constructor(
    private readonly nx: NxInstall,
    private readonly projectGraph: NxProjectGraph,
    private readonly hasher: NxTaskHasher,
  ) {}

  /**
   * As the main job did it before anything ran, where custom hashers have no part. 20 and 21 use the environment of the
   * command there, 22 and later that of the task.
   */
  async upFront(task: NxTask, graph: RawTaskGraph): Promise<HashResult> {
    const env = this.nx.major < 22 ? process.env : this.environmentOf(task);
    return complete(await this.hasher.hashTask(task, graph, env));
  }

  /** As Nx does it right before running, with the outputs of the dependencies on disk; custom hashers included. */
  async beforeRun(task: NxTask, graph: RawTaskGraph): Promise<HashResult> {
    const { hashTask } = this.nx.load<HashTaskModule>('src/hasher/hash-task');
    await hashTask(this.hasher, this.projectGraph, graph, task, this.environmentOf(task), null);
    return complete({ value: task.hash ?? '', details: task.hashDetails ?? { command: '', nodes: {} } });
  }

  private environmentOf(task: NxTask): NodeJS.ProcessEnv {
    return this.nx
      .load<TaskEnvModule>('src/tasks-runner/task-env')
      .getTaskSpecificEnv(task, this.projectGraph);
  }
}

const complete = ({ value, details }: Hash): HashResult => ({
  value,
  details: {
    command: details.command,
    nodes: details.nodes,
    implicitDeps: details.implicitDeps ?? {},
    runtime: details.runtime ?? {},
  },
});
