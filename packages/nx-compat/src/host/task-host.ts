import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { OpenedCache } from '../cache/open-cache';
import { batchRunner, type RunBatchOfTasks } from '../execution/batch';
import { countsServers, runContinuous } from '../execution/continuous';
import { selectRunDiscrete, type RunDiscrete } from '../execution/discrete';
import { closureGraph, Hashing, type HashResult, type NxTaskHasher } from '../hashing/hashing';
import { resolveNx, type NxInstall } from '../install/nx-install';
import { normaliseTaskGraph, subgraph, toNxTaskGraph } from '../model/task-graph';
import type { NxProjectGraph, NxTask, RawTaskGraph, TaskGraph } from '../model/types';
import type { Restore } from '../patches/replace';
import { endTaskProcesses } from '../processes/process-tree';
import { RunningBatch } from './batch-run';
import type { CurrentRun } from './current-run';
import { HostEnvironment } from './environment';
import { NxNotices, ownServersOnly, shareAcrossTasks, TaskEnvironments } from './patches';
import { ServerRun } from './server-run';
import { SingleRun } from './single-run';
import type {
  BatchRun,
  RunBatchRequest,
  RunningServer,
  RunTaskRequest,
  ServerRequest,
  TaskHost,
  TaskHostOptions,
  TaskRun,
} from './types';

/** How often a stopped task is looked at again until it has settled. */
const STOP_POLL_MS = 10;
/** How long a stopped task may take to settle once its processes are gone; then it is settled without Nx. */
const STOP_SETTLE_MS = 5000;
const DEFAULT_GRACE_MS = 2000;

/** Name of the variable by which the processes of this executor are known wherever they went. */
const MARK = 'DTE_EXECUTOR_MARK';

interface HasherModule {
  createTaskHasher: (projectGraph: NxProjectGraph, nxJson: object, runnerOptions: object) => NxTaskHasher;
}

interface ProjectGraphModule {
  createProjectGraphAsync: (options: { exitOnError: boolean }) => Promise<NxProjectGraph>;
}

interface NxJson extends Record<string, unknown> {
  tasksRunnerOptions?: Record<string, { options?: Record<string, unknown> }>;
}

/** Nx would load the configured runner for each task only to read its options; without it, its own default is taken. */
function withoutRunner(nxJson: NxJson): NxJson {
  const { accessToken: _switch, ...options } = nxJson.tasksRunnerOptions?.['default']?.options ?? {};
  return { ...nxJson, tasksRunnerOptions: { default: { options } } };
}

/** As --skip-nx-cache: Nx tells the task too (NX_SKIP_NX_CACHE), and with it every nx that the task calls. */
const skippingCache = (nxJson: NxJson): NxJson => ({
  ...nxJson,
  tasksRunnerOptions: {
    default: { options: { ...nxJson.tasksRunnerOptions?.['default']?.options, skipNxCache: true } },
  },
});

class NxTaskHost implements TaskHost {
  private current: CurrentRun | undefined;
  /** Of the processes of a task that is being stopped. */
  private ending: Promise<unknown> = Promise.resolve();
  private server: ServerRun | undefined;
  private runId: string | undefined;
  private readonly folder = process.cwd();
  /** A run's graph comes with each of its tasks and has thousands of edges. */
  private readonly graphs = new WeakMap<object, TaskGraph>();

  constructor(
    private readonly nx: NxInstall,
    readonly projectGraph: NxProjectGraph,
    private readonly nxJson: NxJson,
    private readonly hasher: NxTaskHasher,
    readonly cache: OpenedCache,
    private readonly runDiscrete: RunDiscrete,
    private readonly runBatchOfTasks: RunBatchOfTasks,
    private readonly notices: NxNotices,
    private readonly environments: TaskEnvironments,
    private readonly environment: HostEnvironment,
    private readonly mark: string,
    private readonly restores: readonly Restore[],
  ) {}

  get nxVersion(): string {
    return this.nx.version;
  }

  get remoteKind(): OpenedCache['remoteKind'] {
    return this.cache.remoteKind;
  }

  async hashTask(task: NxTask, fullTaskGraph: RawTaskGraph | TaskGraph): Promise<HashResult> {
    const known = task.hash !== undefined;
    const copy = unhashed(task);
    const graph = this.closureOf(fullTaskGraph, copy);
    const hashing = new Hashing(this.nx, this.projectGraph, this.hasher);
    return known ? hashing.upFront(copy, graph) : hashing.beforeRun(copy, graph);
  }

  enterRun(runId: string, variables: Readonly<Record<string, string | undefined>>): void {
    const isOther = this.environment.enter(variables);
    if (process.cwd() !== this.folder) process.chdir(this.folder);
    // Of another run also with the same values: its .env files may have been made by a task of the last one.
    if (isOther || runId !== this.runId) this.environments.forget();
    this.runId = runId;
  }

  restore(task: NxTask): ReturnType<TaskHost['restore']> {
    return this.cache.fetch(task);
  }

  async runTask(request: RunTaskRequest): Promise<TaskRun> {
    const run = this.begin(new SingleRun(request, this.cache, this.notices));
    try {
      return await run.execute(async (lifeCycle) => {
        const task = { ...request.task };
        task.hash ??= (await this.hashTask(task, request.fullTaskGraph)).value;
        const taskGraph = this.closureOf(request.fullTaskGraph, task);
        return {
          hash: task.hash,
          task,
          run: () =>
            this.runDiscrete({
              task,
              projectGraph: this.projectGraph,
              taskGraph,
              nxJson: request.skipCacheRead ? skippingCache(this.nxJson) : this.nxJson,
              hasher: this.hasher,
              lifeCycle,
            }),
        };
      });
    } finally {
      // Nx has a result as soon as the command itself is gone. What is left of it must not meet the next task, nor the
      // signals that end it.
      await this.ending;
      this.current = undefined;
    }
  }

  async startServer({ task: given, fullTaskGraph, onOutput }: ServerRequest): Promise<RunningServer> {
    if (this.current || this.server) throw new Error('a host runs one server or one task at a time');
    const task = { ...given };
    const server = new ServerRun(task.id, onOutput, countsServers(this.nx));
    this.server = server;
    ownServersOnly(this.nx);
    return server.start(async (lifeCycle) => {
      task.hash ??= (await this.hashTask(task, fullTaskGraph)).value;
      this.cache.recordTaskDetails([task]);
      const graph = normaliseTaskGraph(fullTaskGraph);
      return runContinuous(this.nx, {
        task,
        projectGraph: this.projectGraph,
        taskGraph: toNxTaskGraph(this.nx.major, { ...graph, tasks: { ...graph.tasks, [task.id]: task } }),
        nxJson: this.nxJson,
        lifeCycle,
      });
    });
  }

  async runBatch(request: RunBatchRequest): Promise<BatchRun> {
    const run = this.begin(new RunningBatch(request, this.cache, this.notices));
    const { projectGraph, nxJson, hasher } = this;
    const whole = this.normalised(request.fullTaskGraph);
    try {
      return await run.execute((tasks, lifeCycle) => {
        const byId = Object.fromEntries(tasks.map((task) => [task.id, task]));
        const full: TaskGraph = { ...whole, tasks: { ...whole.tasks, ...byId } };
        return this.runBatchOfTasks({
          ...{
            projectGraph,
            nxJson,
            hasher,
            lifeCycle,
            onWorking: request.onWorking,
            frozen: request.frozen,
          },
          taskGraph: toNxTaskGraph(this.nx.major, subgraph(full, Object.keys(byId))),
          fullTaskGraph: toNxTaskGraph(this.nx.major, full),
        });
      });
    } finally {
      // As for one task.
      await this.ending;
      this.current = undefined;
    }
  }

  private begin<T extends CurrentRun>(run: T): T {
    if (this.current)
      throw new Error(`${this.current.name} is still running; an executor runs one task at a time`);
    this.current = run;
    return run;
  }

  private closureOf(fullTaskGraph: RawTaskGraph | TaskGraph, task: NxTask): RawTaskGraph {
    return closureGraph(this.nx.major, this.normalised(fullTaskGraph), task);
  }

  private normalised(fullTaskGraph: RawTaskGraph | TaskGraph): TaskGraph {
    let graph = this.graphs.get(fullTaskGraph);
    if (!graph) {
      graph = normaliseTaskGraph(fullTaskGraph);
      this.graphs.set(fullTaskGraph, graph);
    }
    return graph;
  }

  async stopTask(graceMs = DEFAULT_GRACE_MS): Promise<void> {
    if (this.server) await endTaskProcesses(this.mark, this.server.startedTicks, graceMs);
    const run = this.current;
    if (!run) return;
    run.stopping();
    this.ending = Promise.all([this.ending, this.endTask(run, graceMs)]);
    await this.ending;
  }

  private async endTask(run: CurrentRun, graceMs: number): Promise<void> {
    // Again and again, as Nx may be between deciding to start a process and starting it.
    const deadline = performance.now() + graceMs + STOP_SETTLE_MS;
    do {
      await endTaskProcesses(this.mark, run.startedTicks, graceMs);
      await delay(STOP_POLL_MS);
    } while (!run.isSettled && performance.now() < deadline);
    run.abandonNow();
  }

  async close(): Promise<void> {
    await this.stopTask();
    for (const restore of this.restores) restore();
  }
}

const unhashed = (task: NxTask): NxTask => {
  const { hash: _hash, hashDetails: _details, ...rest } = task;
  return rest;
};

/**
 * Builds the project graph and keeps one hasher and one cache, so that only the first task of an executor is slow.
 * Changes this process: variables, and a few functions of Nx; `close` gives them back.
 * @throws NxInstallError; whatever Nx throws when the project graph cannot be built
 */
export async function createTaskHost(options: TaskHostOptions): Promise<TaskHost> {
  const mark = `${String(process.pid)}.${randomBytes(8).toString('hex')}`;
  const environment = new HostEnvironment();
  Object.assign(process.env, {
    // An executor is a daemon itself, and a daemon would hash with another process's environment.
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    // Nx removes these two from what a task sees.
    NX_STREAM_OUTPUT: 'true',
    NX_PREFIX_OUTPUT: 'false',
    NX_LOAD_DOT_ENV_FILES: process.env['NX_LOAD_DOT_ENV_FILES'] === 'false' ? 'false' : 'true',
    DTE_EXECUTOR: '1',
    [MARK]: mark,
  });
  try {
    const nx = resolveNx(options.workspaceRoot);
    const { workspaceRoot } = nx.load<{ workspaceRoot: string }>('src/utils/workspace-root');
    if (realpathSync(workspaceRoot) !== realpathSync(options.workspaceRoot)) {
      throw new Error(`nx was loaded for ${workspaceRoot}; start the executor in ${options.workspaceRoot}`);
    }
    // As the executable of Nx does, whatever NX_LOAD_DOT_ENV_FILES says: that is about the files of tasks.
    nx.load<{ loadRootEnvFiles(): void }>('src/utils/dotenv').loadRootEnvFiles();
    const cache = await OpenedCache.open(options);
    const projectGraph = await nx
      .load<ProjectGraphModule>('src/project-graph/project-graph')
      .createProjectGraphAsync({ exitOnError: false });
    const nxJson = withoutRunner(nx.load<{ readNxJson(): NxJson }>('src/config/nx-json').readNxJson());
    const hasher = nx
      .load<HasherModule>('src/hasher/create-task-hasher')
      .createTaskHasher(projectGraph, nxJson, nxJson.tasksRunnerOptions?.['default']?.options ?? {});
    // What nearly every first task would load, while there is nothing else to do.
    nx.loadOptional('src/executors/run-commands/run-commands.impl');
    const notices = new NxNotices(nx);
    const environments = new TaskEnvironments(nx);
    const restores = [
      ...[shareAcrossTasks(nx, hasher, cache), notices.restore, environments.restore],
      () => environment.restore(),
    ];
    environment.settle();
    const runDiscrete = selectRunDiscrete(nx);
    return new NxTaskHost(
      ...([
        nx,
        projectGraph,
        nxJson,
        hasher,
        cache,
        runDiscrete,
        batchRunner(nx),
        notices,
        environments,
        environment,
        mark,
        restores,
      ] as const),
    );
  } catch (error) {
    environment.restore();
    throw error;
  }
}
