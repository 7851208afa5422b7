import { setTimeout as delay } from 'node:timers/promises';
import type { OpenedCache } from '../cache/open-cache';
import { countsServers, runContinuous } from '../execution/continuous';
import { closureGraph, Hashing, type HashResult } from '../hashing/hashing';
import { normaliseTaskGraph, subgraph, toNxTaskGraph } from '../model/task-graph';
import type { NxProjectGraph, NxTask, RawTaskGraph, TaskGraph } from '../model/types';
import { endTaskProcesses } from '../processes/task-processes';
import { RunningBatch } from './batch-run';
import type { CurrentRun } from './current-run';
import { buildHost, type HostParts } from './build';
import { skippingCache } from './nx-json';
import { ownServersOnly } from './patches';
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

/** Interval at which a stopped task is checked until it has settled. Not configurable: it only costs a check of the processes. */
const STOP_POLL_MS = 10;
/** Timeout for a stopped task to settle once its processes have exited; then it is settled without Nx. Not configurable: it is never reached. */
const STOP_SETTLE_MS = 5000;
/** Default for callers without a limit of their own. Not configurable: an executor passes `killMs`. */
const DEFAULT_GRACE_MS = 2000;

class NxTaskHost implements TaskHost {
  private current: CurrentRun | undefined;
  /** For the processes of a task that is being stopped. */
  private ending: Promise<unknown> = Promise.resolve();
  private server: ServerRun | undefined;
  private runId: string | undefined;
  private readonly folder = process.cwd();
  readonly projectGraph: NxProjectGraph;
  readonly cache: OpenedCache;
  /** Each task comes with the graph of its run, which has thousands of edges. */
  private readonly graphs = new WeakMap<object, TaskGraph>();

  constructor(private readonly parts: HostParts) {
    this.projectGraph = parts.projectGraph;
    this.cache = parts.cache;
  }

  get storedGraph(): string | null {
    return this.parts.storedGraph;
  }

  get nxVersion(): string {
    return this.parts.nx.version;
  }

  get remoteKind(): OpenedCache['remoteKind'] {
    return this.cache.remoteKind;
  }

  async hashTask(task: NxTask, fullTaskGraph: RawTaskGraph | TaskGraph): Promise<HashResult> {
    const known = task.hash !== undefined;
    const copy = unhashed(task);
    const graph = this.closureOf(fullTaskGraph, copy);
    const hashing = new Hashing(this.parts.nx, this.projectGraph, this.parts.hasher);
    return known ? hashing.upFront(copy, graph) : hashing.beforeRun(copy, graph);
  }

  enterRun(runId: string, variables: Readonly<Record<string, string | undefined>>): void {
    const isOther = this.parts.environment.enter(variables);
    if (process.cwd() !== this.folder) process.chdir(this.folder);
    // Also if another run has the same values: a task of the last one may have written its .env files.
    if (isOther || runId !== this.runId) this.parts.environments.forget();
    this.runId = runId;
  }

  restore(task: NxTask): ReturnType<TaskHost['restore']> {
    return this.cache.fetch(task);
  }

  async runTask(request: RunTaskRequest): Promise<TaskRun> {
    const run = this.begin(new SingleRun(request, this.cache, this.parts.notices));
    try {
      return await run.execute(async (lifeCycle) => {
        const task = { ...request.task };
        task.hash ??= (await this.hashTask(task, request.fullTaskGraph)).value;
        const taskGraph = this.closureOf(request.fullTaskGraph, task);
        return {
          hash: task.hash,
          task,
          run: () =>
            this.parts.runDiscrete({
              task,
              projectGraph: this.projectGraph,
              taskGraph,
              nxJson: request.skipCacheRead ? skippingCache(this.parts.nxJson) : this.parts.nxJson,
              hasher: this.parts.hasher,
              lifeCycle,
            }),
        };
      });
    } finally {
      // Nx has a result as soon as the command itself has exited. Its remaining processes must not affect the next
      // task, nor must the signals that stop them.
      await this.ending;
      this.current = undefined;
    }
  }

  async startServer({ task: given, fullTaskGraph, onOutput }: ServerRequest): Promise<RunningServer> {
    if (this.current || this.server) throw new Error('a host runs one server or one task at a time');
    const task = { ...given };
    const server = new ServerRun(task.id, onOutput, countsServers(this.parts.nx));
    this.server = server;
    ownServersOnly(this.parts.nx);
    return server.start(async (lifeCycle) => {
      task.hash ??= (await this.hashTask(task, fullTaskGraph)).value;
      this.cache.recordTaskDetails([task]);
      const graph = normaliseTaskGraph(fullTaskGraph);
      return runContinuous(this.parts.nx, {
        task,
        projectGraph: this.projectGraph,
        taskGraph: toNxTaskGraph(this.parts.nx.major, {
          ...graph,
          tasks: { ...graph.tasks, [task.id]: task },
        }),
        nxJson: this.parts.nxJson,
        lifeCycle,
      });
    });
  }

  async runBatch(request: RunBatchRequest): Promise<BatchRun> {
    const run = this.begin(new RunningBatch(request, this.cache, this.parts.notices));
    const { projectGraph, nxJson, hasher } = this.parts;
    const whole = this.normalised(request.fullTaskGraph);
    try {
      return await run.execute((tasks, lifeCycle) => {
        const byId = Object.fromEntries(tasks.map((task) => [task.id, task]));
        const full: TaskGraph = { ...whole, tasks: { ...whole.tasks, ...byId } };
        return this.parts.runBatchOfTasks({
          projectGraph,
          nxJson,
          hasher,
          lifeCycle,
          onWorking: request.onWorking,
          frozen: request.frozen,
          taskGraph: toNxTaskGraph(this.parts.nx.major, subgraph(full, Object.keys(byId))),
          fullTaskGraph: toNxTaskGraph(this.parts.nx.major, full),
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
    return closureGraph(this.parts.nx.major, this.normalised(fullTaskGraph), task);
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
    if (this.server) await endTaskProcesses(this.parts.mark, this.server.startedTicks, graceMs);
    const run = this.current;
    if (!run) return;
    run.stopping();
    this.ending = Promise.all([this.ending, this.endTask(run, graceMs)]);
    await this.ending;
  }

  private async endTask(run: CurrentRun, graceMs: number): Promise<void> {
    // Repeatedly, because Nx may be between the decision to start a process and its start.
    const deadline = performance.now() + graceMs + STOP_SETTLE_MS;
    do {
      await endTaskProcesses(this.parts.mark, run.startedTicks, graceMs);
      await delay(STOP_POLL_MS);
    } while (!run.isSettled && performance.now() < deadline);
    run.abandonNow();
  }

  async close(): Promise<void> {
    await this.stopTask();
    for (const restore of this.parts.restores) restore();
  }
}

const unhashed = (task: NxTask): NxTask => {
  const { hash: _hash, hashDetails: _details, ...rest } = task;
  return rest;
};

/**
 * Builds the project graph and keeps one hasher and one cache, so that only the first task of an executor is slow.
 * Changes this process: variables, and a few functions of Nx; `close` restores them.
 * @throws NxInstallError; whatever Nx throws if the project graph cannot be built
 */
export const createTaskHost = async (options: TaskHostOptions): Promise<TaskHost> =>
  new NxTaskHost(await buildHost(options));
