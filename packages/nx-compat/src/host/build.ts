import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { OpenedCache } from '../cache/open-cache';
import { batchRunner, type RunBatchOfTasks } from '../execution/batch';
import { selectRunDiscrete } from '../execution/discrete';
import type { RunDiscrete } from '../execution/types';
import type { NxTaskHasher } from '../hashing/hashing';
import { resolveNx, type NxInstall } from '../install/nx-install';
import type { NxProjectGraph } from '../model/types';
import type { Restore } from '../patches/replace';
import { TASK_MARK } from '../processes/task-processes';
import { HostEnvironment } from './environment';
import { loadingLazily } from './lazy-modules';
import { withoutRunner, type NxJson } from './nx-json';
import { NxNotices, shareAcrossTasks, TaskEnvironments } from './patches';
import { openProjectGraph } from './shared-graph';
import type { TaskHostOptions } from './types';

interface HasherModule {
  createTaskHasher: (projectGraph: NxProjectGraph, nxJson: object, runnerOptions: object) => NxTaskHasher;
}

/** The parts of Nx that a host needs, created once. */
export interface HostParts {
  readonly nx: NxInstall;
  readonly projectGraph: NxProjectGraph;
  /** See `TaskHost.storedGraph`. */
  readonly storedGraph: string | null;
  /** Without the runner. */
  readonly nxJson: NxJson;
  readonly hasher: NxTaskHasher;
  readonly cache: OpenedCache;
  readonly runDiscrete: RunDiscrete;
  readonly runBatchOfTasks: RunBatchOfTasks;
  readonly notices: NxNotices;
  readonly environments: TaskEnvironments;
  readonly environment: HostEnvironment;
  /** In the environment of every process that is started here. */
  readonly mark: string;
  /** Restores what was changed in this process. */
  readonly restores: readonly Restore[];
}

function setVariables(mark: string): void {
  Object.assign(process.env, {
    // An executor is itself a daemon, and Nx's daemon would hash with the environment of another process.
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    // Nx removes these two from the environment of tasks.
    NX_STREAM_OUTPUT: 'true',
    NX_PREFIX_OUTPUT: 'false',
    NX_LOAD_DOT_ENV_FILES: process.env['NX_LOAD_DOT_ENV_FILES'] === 'false' ? 'false' : 'true',
    DTE_EXECUTOR: '1',
    [TASK_MARK]: mark,
  });
}

/** Loads the Nx of the workspace, and sets the variables of its root's .env files. */
function loadNx(nx: NxInstall, options: TaskHostOptions): void {
  const { workspaceRoot } = nx.load<{ workspaceRoot: string }>('src/utils/workspace-root');
  if (realpathSync(workspaceRoot) !== realpathSync(options.workspaceRoot)) {
    throw new Error(`nx was loaded for ${workspaceRoot}; start the executor in ${options.workspaceRoot}`);
  }
  // Like the executable of Nx, whatever NX_LOAD_DOT_ENV_FILES is: that variable is for the files of tasks.
  nx.load<{ loadRootEnvFiles(): void }>('src/utils/dotenv').loadRootEnvFiles();
}

async function build(
  nx: NxInstall,
  options: TaskHostOptions,
  environment: HostEnvironment,
  mark: string,
): Promise<HostParts> {
  loadNx(nx, options);
  const cache = await OpenedCache.open(options);
  const { projectGraph, stored } = await openProjectGraph(nx, options.sharedGraph);
  const nxJson = withoutRunner(nx.load<{ readNxJson(): NxJson }>('src/config/nx-json').readNxJson());
  const hasher = nx
    .load<HasherModule>('src/hasher/create-task-hasher')
    .createTaskHasher(projectGraph, nxJson, nxJson.tasksRunnerOptions?.['default']?.options ?? {});
  // Loads what nearly every first task needs, while there is nothing else to do.
  nx.loadOptional('src/executors/run-commands/run-commands.impl');
  const notices = new NxNotices(nx);
  const environments = new TaskEnvironments(nx);
  const restores = [
    shareAcrossTasks(nx, hasher, cache),
    notices.restore,
    environments.restore,
    () => environment.restore(),
  ];
  environment.settle();
  const runDiscrete = selectRunDiscrete(nx);
  const runBatchOfTasks = batchRunner(nx);
  return {
    nx,
    projectGraph,
    storedGraph: stored,
    nxJson,
    hasher,
    cache,
    runDiscrete,
    runBatchOfTasks,
    notices,
    environments,
    environment,
    mark,
    restores,
  };
}

/** @throws NxInstallError; whatever Nx throws if the project graph cannot be built. The environment is restored then. */
export async function buildHost(options: TaskHostOptions): Promise<HostParts> {
  const mark = `${String(process.pid)}.${randomBytes(8).toString('hex')}`;
  const environment = new HostEnvironment();
  setVariables(mark);
  let eagerAgain: Restore = () => undefined;
  try {
    const nx = resolveNx(options.workspaceRoot);
    eagerAgain = loadingLazily(nx);
    return await build(nx, options, environment, mark);
  } catch (error) {
    environment.restore();
    throw error;
  } finally {
    eagerAgain();
  }
}
