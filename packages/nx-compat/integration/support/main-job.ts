import {
  resolveNx,
  type NxLifeCycle,
  type NxProjectGraph,
  type NxRunnerContext,
  type NxRunnerOptions,
  type NxStatuses,
  type NxTask,
} from '../../src';
import type { NxInstall } from '../../src/install/nx-install';
import { taskGraphOf } from './graph';

interface Modules {
  createTaskHasher: (projectGraph: NxProjectGraph, nxJson: object, options: object) => unknown;
  hashTasksThatDoNotDependOnOutputsOfOtherTasks: (...args: unknown[]) => Promise<unknown>;
  getTaskDetails: () => unknown;
  readNxJson: () => Record<string, unknown>;
  createProjectGraphAsync: (options: object) => Promise<NxProjectGraph>;
  daemonClient: unknown;
}

const load = (nx: NxInstall): Modules => ({
  ...nx.load<Modules>('src/hasher/create-task-hasher'),
  ...nx.load<Modules>('src/hasher/hash-task'),
  ...nx.load<Modules>('src/config/nx-json'),
  ...nx.load<Modules>('src/project-graph/project-graph'),
  ...nx.load<Modules>('src/daemon/client/client'),
});

/** Calls recorded by the life cycle, as `hook id` or `hook id status`. */
export interface MainJob {
  options: NxRunnerOptions;
  context: NxRunnerContext;
  calls: string[];
}

type TasksRunner = (
  tasks: NxTask[],
  options: NxRunnerOptions,
  context: NxRunnerContext,
) => Promise<NxStatuses>;

/** A whole run by Nx's own runner, as in a command without dte. */
export function runAll({ options, context }: MainJob): Promise<NxStatuses> {
  const { defaultTasksRunner } = resolveNx().load<{ defaultTasksRunner: TasksRunner }>(
    'src/tasks-runner/default-tasks-runner',
  );
  return defaultTasksRunner(Object.values(context.taskGraph.tasks), options, context);
}

/** What Nx does between reading the command and calling the tasks runner. */
export async function prepareMainJob(
  targets: string[],
  nxArgs: Record<string, unknown> = {},
): Promise<MainJob> {
  process.env['NX_LOAD_DOT_ENV_FILES'] = 'true';
  const nx = resolveNx();
  nx.load<{ loadRootEnvFiles(): void }>('src/utils/dotenv').loadRootEnvFiles();
  const nxModules = load(nx);
  const projectGraph = await nxModules.createProjectGraphAsync({ exitOnError: false });
  const nxJson = nxModules.readNxJson();
  const { raw } = taskGraphOf(projectGraph, targets);
  const hasher = nxModules.createTaskHasher(projectGraph, nxJson, {});
  const details = nxModules.getTaskDetails();
  await nxModules.hashTasksThatDoNotDependOnOutputsOfOtherTasks(hasher, projectGraph, raw, nxJson, details);
  const calls: string[] = [];
  const lifeCycle: NxLifeCycle = {
    startCommand: () => void calls.push('startCommand'),
    endCommand: () => void calls.push('endCommand'),
    scheduleTask: () => undefined,
    startTasks: (tasks) => void calls.push(...tasks.map(({ id }) => `start ${id}`)),
    endTasks: (results) => void calls.push(...results.map(({ task, status }) => `end ${task.id} ${status}`)),
    printTaskTerminalOutput: (task, status) => void calls.push(`print ${task.id} ${status}`),
  };
  const bound = hasher as Record<'hashTask' | 'hashTasks', (...args: unknown[]) => unknown>;
  return {
    calls,
    options: { lifeCycle, parallel: 1, ...nxArgs },
    context: {
      initiatingProject: null,
      initiatingTasks: [],
      projectGraph,
      nxJson,
      nxArgs,
      taskGraph: raw,
      hasher: {
        hashTask: (...args: unknown[]) => bound.hashTask(...args),
        hashTasks: (...args: unknown[]) => bound.hashTasks(...args),
      },
      daemon: nxModules.daemonClient,
    },
  };
}
