import type { NxInstall } from '../install/nx-install';
import type { NxLifeCycle, NxProjectGraph, NxStatuses, RawTaskGraph } from '../model/types';
import type { RunDiscrete } from './types';

type OrchestratorOptions = Record<string, unknown> & { lifeCycle: NxLifeCycle; parallel: number };

type TaskOrchestrator = new (
  hasher: unknown,
  initiatingProject: null,
  projectGraph: NxProjectGraph,
  taskGraph: RawTaskGraph,
  nxJson: Record<string, unknown>,
  options: OrchestratorOptions,
  bail: boolean,
  daemon: unknown,
  outputStyle: undefined,
) => { run(): Promise<NxStatuses> };

interface RunCommandModule {
  getRunner: (nxArgs: object, nxJson: Record<string, unknown>) => { runnerOptions: Record<string, unknown> };
}

/**
 * 20 has only `initTasksRunner().invoke()`, which builds the project graph each time and calls the configured runner,
 * that is, us again. So the orchestrator is created here, as createOrchestrator does in 21: for one task without edges,
 * because its dependencies are on disk already. 20.8 is the last 20, so this constructor will not change.
 */
export function runDiscreteV20(nx: NxInstall): RunDiscrete {
  const { TaskOrchestrator } = nx.load<{ TaskOrchestrator: TaskOrchestrator }>(
    'src/tasks-runner/task-orchestrator',
  );
  const { getRunner } = nx.load<RunCommandModule>('src/tasks-runner/run-command');
  const { daemonClient } = nx.load<{ daemonClient: unknown }>('src/daemon/client/client');
  return async ({ task, projectGraph, nxJson, hasher, lifeCycle }) => {
    const alone: RawTaskGraph = {
      roots: [task.id],
      tasks: { [task.id]: task },
      dependencies: { [task.id]: [] },
    };
    const options = { ...getRunner({}, nxJson).runnerOptions, parallel: 1, lifeCycle: completed(lifeCycle) };
    await new TaskOrchestrator(
      hasher,
      null,
      projectGraph,
      alone,
      nxJson,
      options,
      false,
      daemonClient,
      undefined,
    ).run();
    return undefined;
  };
}

/** The orchestrator of 20 calls every hook without checking that it exists. */
function completed(lifeCycle: NxLifeCycle): NxLifeCycle {
  const nothing = (): void => undefined;
  return {
    startCommand: nothing,
    endCommand: nothing,
    scheduleTask: nothing,
    startTasks: nothing,
    endTasks: nothing,
    printTaskTerminalOutput: nothing,
    ...lifeCycle,
  };
}
