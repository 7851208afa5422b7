import type { NxInstall } from '../install/nx-install';
import type { NxLifeCycle, NxProjectGraph, NxTask, NxTaskResult, RawTaskGraph } from '../model/types';
import type { RunDiscrete } from './types';

interface InitTasksRunnerModule {
  runDiscreteTasks?: (
    ...args: [
      tasks: NxTask[],
      projectGraph: NxProjectGraph,
      fullTaskGraph: RawTaskGraph,
      nxJson: Record<string, unknown>,
      lifeCycle: NxLifeCycle,
    ]
  ) => Promise<Promise<NxTaskResult[]>[]>;
}

/** From 21 on, Nx has a function for agents of the vendor's service, which bypasses the configured runner. */
export function runDiscreteV21Plus(nx: NxInstall): RunDiscrete | undefined {
  const { runDiscreteTasks } = nx.load<InitTasksRunnerModule>('src/tasks-runner/init-tasks-runner');
  if (!runDiscreteTasks) return undefined;
  return async ({ task, projectGraph, taskGraph, nxJson, lifeCycle }) => {
    const handles = await runDiscreteTasks([task], projectGraph, taskGraph, nxJson, lifeCycle);
    return (await Promise.all(handles)).flat()[0];
  };
}
