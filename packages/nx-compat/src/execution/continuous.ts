import type { NxInstall } from '../install/nx-install';
import type { NxLifeCycle, NxProjectGraph, NxTask, RawTaskGraph } from '../model/types';

/** Nx's handle of a server that it has started. */
export interface NxRunningTask {
  onExit(callback: (code: number | null) => void): void;
}

interface InitTasksRunnerModule {
  runContinuousTasks?: (
    ...args: [
      tasks: NxTask[],
      projectGraph: NxProjectGraph,
      fullTaskGraph: RawTaskGraph,
      nxJson: Record<string, unknown>,
      lifeCycle: NxLifeCycle,
    ]
  ) => Promise<Record<string, Promise<NxRunningTask>>>;
}

export interface ContinuousRun {
  /** Contains its hash. */
  task: NxTask;
  projectGraph: NxProjectGraph;
  /** The task, its dependencies and its dependents, in this version's shape of edges. */
  taskGraph: RawTaskGraph;
  nxJson: Record<string, unknown>;
  lifeCycle: NxLifeCycle;
}

/** Starts one server; resolves when its process has started. 20 has no servers. */
export async function runContinuous(nx: NxInstall, run: ContinuousRun): Promise<NxRunningTask> {
  const { runContinuousTasks } = nx.load<InitTasksRunnerModule>('src/tasks-runner/init-tasks-runner');
  if (!runContinuousTasks) throw new Error(`nx ${nx.version} has no continuous tasks`);
  const { task, projectGraph, taskGraph, nxJson, lifeCycle } = run;
  const started = (await runContinuousTasks([task], projectGraph, taskGraph, nxJson, lifeCycle))[task.id];
  if (!started) throw new Error(`nx ${nx.version} did not start ${task.id}`);
  return started;
}

/**
 * Whether Nx counts a server among the tasks of a command: 22 and later end it like any other, as a success when its
 * last user has ended, as a failure if it ended before that; 21 starts it and never reports it again.
 */
export const countsServers = (nx: Pick<NxInstall, 'major'>): boolean => nx.major >= 22;
