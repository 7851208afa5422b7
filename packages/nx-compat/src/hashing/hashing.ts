import { isAtLeast, resolveNx, type NxInstall } from '../install/nx-install';
import { subgraph, toNxTaskGraph } from '../model/task-graph';
import type { NxHashDetails, NxProjectGraph, NxTask, RawTaskGraph, TaskGraph } from '../model/types';

/** A hash computed on this machine, with its details. */
export interface HashResult {
  value: string;
  details: Required<NxHashDetails>;
  /** The environment for which it was computed. */
  environment?: (() => NodeJS.ProcessEnv) | undefined;
}

interface Hash {
  value: string;
  details: NxHashDetails;
}

export interface NxTaskHasher {
  hashTask(task: NxTask, graph: RawTaskGraph, env: NodeJS.ProcessEnv): Promise<Hash>;
}

interface HashTaskModule {
  hashTask: (
    ...args: [
      hasher: NxTaskHasher,
      projectGraph: NxProjectGraph,
      graph: RawTaskGraph,
      task: NxTask,
      env: NodeJS.ProcessEnv,
      taskDetails: null,
    ]
  ) => Promise<void>;
}

interface TaskEnvModule {
  /** 20 and 21 take only the task. */
  getTaskSpecificEnv: (task: NxTask, projectGraph: NxProjectGraph) => NodeJS.ProcessEnv;
}

/**
 * The task and all its dependencies, which is all that a hash can depend on. For each hash, native code converts every
 * task of the given graph: with thousands of tasks, the whole graph would cost more than the hash.
 */
export function closureGraph(nxMajor: number, graph: TaskGraph, task: NxTask): RawTaskGraph {
  const ids = new Set([task.id]);
  // Iteration over a Set follows the order of insertion and includes additions.
  for (const id of ids) {
    for (const edge of graph.dependencies[id] ?? []) ids.add(edge.id);
    for (const edge of graph.continuousDependencies[id] ?? []) ids.add(edge.id);
  }
  const closure = subgraph(graph, ids);
  closure.tasks[task.id] = task;
  return toNxTaskGraph(nxMajor, closure);
}

/** Hashes as Nx does, with one hasher for the lifetime of the process. */
export class Hashing {
  constructor(
    private readonly nx: NxInstall,
    private readonly projectGraph: NxProjectGraph,
    private readonly hasher: NxTaskHasher,
  ) {}

  /**
   * As the main job did it before anything ran, without custom hashers. Up to 22.6, Nx uses the environment of the
   * command for that, later that of the task.
   */
  async upFront(task: NxTask, graph: RawTaskGraph): Promise<HashResult> {
    const env = environmentUpFront(this.nx, task, this.projectGraph);
    return complete(await this.hasher.hashTask(task, graph, env), env);
  }

  /** As Nx does it right before running, with the outputs of the dependencies on disk; includes custom hashers. */
  async beforeRun(task: NxTask, graph: RawTaskGraph): Promise<HashResult> {
    const { hashTask } = this.nx.load<HashTaskModule>('src/hasher/hash-task');
    const env = environmentOf(this.nx, task, this.projectGraph);
    await hashTask(this.hasher, this.projectGraph, graph, task, env, null);
    const hash = { value: task.hash ?? '', details: task.hashDetails ?? { command: '', nodes: {} } };
    return complete(hash, env);
  }
}

const environmentOf = (nx: NxInstall, task: NxTask, projectGraph: NxProjectGraph): NodeJS.ProcessEnv =>
  nx.load<TaskEnvModule>('src/tasks-runner/task-env').getTaskSpecificEnv(task, projectGraph);

const environmentUpFront = (nx: NxInstall, task: NxTask, projectGraph: NxProjectGraph): NodeJS.ProcessEnv =>
  isAtLeast(nx, [22, 7]) ? environmentOf(nx, task, projectGraph) : process.env;

/** The environment with which Nx hashes a task before anything runs: with its .env files from 22.7 on. */
export const environmentOfTask = (
  task: NxTask,
  projectGraph: NxProjectGraph,
  workspaceRoot?: string,
): NodeJS.ProcessEnv => environmentUpFront(resolveNx(workspaceRoot), task, projectGraph);

const complete = ({ value, details }: Hash, environment: NodeJS.ProcessEnv): HashResult => ({
  value,
  details: {
    command: details.command,
    nodes: details.nodes,
    implicitDeps: details.implicitDeps ?? {},
    runtime: details.runtime ?? {},
  },
  environment: () => environment,
});
