import childProcess, { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { NxInstall } from '../install/nx-install';
import type { NxLifeCycle, NxProjectGraph, NxStatuses, NxTask, RawTaskGraph } from '../model/types';
import { replaceFunctions } from '../patches/replace';
import { watchFrozen, type FrozenBatch } from '../processes/frozen';

export interface BatchOfTasks {
  /** The tasks of the batch and the edges between them, in this version's shape. */
  taskGraph: RawTaskGraph;
  /** The whole graph: tasks are hashed from it, and executors get it. */
  fullTaskGraph: RawTaskGraph;
  projectGraph: NxProjectGraph;
  nxJson: Record<string, unknown>;
  hasher: unknown;
  lifeCycle: NxLifeCycle;
  /** Called when a process of the executor starts, and with false when it has ended or reported the results of its tasks. */
  onWorking?: ((isWorking: boolean) => void) | undefined;
  frozen?: FrozenBatch | undefined;
}

/** Resolves with the results of the tasks after they are stored. */
export type RunBatchOfTasks = (batch: BatchOfTasks) => Promise<NxStatuses>;

type ForkForBatch = (batch: unknown, projectGraph: unknown, graph: unknown, ...rest: unknown[]) => unknown;

interface Orchestrator {
  run(): Promise<NxStatuses>;
  forkedProcessTaskRunner: { forkProcessForBatch: ForkForBatch };
}

/** Type of the message with which a worker reports the results of its tasks; the same on 20.8 to 24. */
const COMPLETE_BATCH = 2;

/** Timeout for a worker's last messages once it has to exit. Not configurable: its results have arrived by then. */
const LAST_WORDS_MS = 2_000;

/** The parameters of the orchestrator's constructor; 20.8 to 24, without those for the vendor's server. */
function parametersFor(major: number, batch: BatchOfTasks, options: object, daemon: unknown): unknown[] {
  const { hasher, projectGraph, taskGraph, fullTaskGraph, nxJson } = batch;
  const tasks: NxTask[] = Object.values(taskGraph.tasks);
  const initiating = major <= 20 ? [null] : major === 21 ? [null, []] : [null, tasks];
  const style = major <= 22 ? [undefined] : [undefined, 'static'];
  const full = major <= 20 ? [] : [fullTaskGraph];
  // Tasks whose hash is known only after others of the batch have run.
  const deferred = new Set(tasks.filter(({ hash }) => hash === undefined).map(({ id }) => id));
  const command = [hasher, ...initiating, projectGraph, taskGraph, nxJson, options, false, daemon];
  const optional: unknown[] = [...style, ...full];
  if (major >= 23) optional.push(deferred);
  return [...command, ...optional];
}

/** 20 hashes from the graph of what it runs; whatever graph it passes, the whole one is used. */
function hashingFrom(hasher: unknown, whole: RawTaskGraph): unknown {
  return new Proxy(hasher as object, {
    get(target, name): unknown {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const method = value as (...args: unknown[]) => unknown;
      if (name !== 'hashTask' && name !== 'hashTasks') return method.bind(target);
      return (tasks: unknown, _graph: unknown, ...rest: unknown[]) =>
        method.call(target, tasks, whole, ...rest);
    },
  });
}

/**
 * The workers of a batch while it runs. 20 and 21 give them our own stdout, which bypasses everything that is written
 * in this process, and leave them running until this process ends; 22 and later stop them before all their output is
 * read.
 */
class Workers {
  private readonly started: ChildProcess[] = [];
  private readonly working = new Set<ChildProcess>();
  readonly restore: () => void;

  constructor(
    private readonly onWorking: (isWorking: boolean) => void,
    private readonly frozen: FrozenBatch | undefined,
  ) {
    const { fork } = childProcess;
    this.restore = replaceFunctions(childProcess, {
      fork: (path: string, options: { stdio?: unknown }) => {
        const inherits = Array.isArray(options.stdio) && options.stdio[1] === 'inherit';
        const stdio = ['inherit', 'pipe', 'pipe', 'ipc'] as const;
        const child = fork(path, { ...options, ...(inherits ? { stdio: [...stdio] } : {}) } as object);
        this.started.push(child);
        this.watch(child);
        if (inherits) {
          child.stdout?.on('data', (chunk: Buffer) => process.stdout.write(chunk));
          child.stderr?.on('data', (chunk: Buffer) => process.stderr.write(chunk));
        }
        return child;
      },
    });
  }

  private watch(child: ChildProcess): void {
    this.working.add(child);
    if (this.working.size === 1) this.onWorking(true);
    const { frozen } = this;
    const unwatch =
      child.pid === undefined || frozen === undefined
        ? undefined
        : watchFrozen(child.pid, frozen.limitMs, () => {
            frozen.onFrozen();
          });
    if (unwatch) child.once('exit', unwatch);
    const over = (): void => {
      if (this.working.delete(child) && this.working.size === 0) this.onWorking(false);
    };
    child.once('exit', over);
    child.once('error', over);
    child.on('message', (message: { type?: unknown } | null) => {
      if (message?.type === COMPLETE_BATCH) over();
    });
  }

  /** Stops the remaining workers and waits until all their output is read. */
  async end(): Promise<void> {
    this.restore();
    const closed = this.started.map(async (child) => {
      if (child.stdout?.readableEnded !== false && child.stderr?.readableEnded !== false) return;
      const over = once(child, 'close');
      if (child.exitCode === null && child.signalCode === null) child.kill();
      await over;
    });
    await Promise.race([Promise.all(closed), delay(LAST_WORDS_MS)]);
  }
}

/**
 * No version has a function that runs a batch as a command would: `runDiscreteTasks` removes the edges between the
 * tasks, and executors order their work by them. So the orchestrator is created as the default runner creates it.
 */
export function batchRunner(nx: NxInstall): RunBatchOfTasks {
  const { TaskOrchestrator } = nx.load<{ TaskOrchestrator: new (...args: unknown[]) => Orchestrator }>(
    'src/tasks-runner/task-orchestrator',
  );
  const { CompositeLifeCycle } = nx.load<{ CompositeLifeCycle: new (parts: NxLifeCycle[]) => NxLifeCycle }>(
    'src/tasks-runner/life-cycle',
  );
  const { getRunner } = nx.load<{
    getRunner: (args: object, nxJson: object) => { runnerOptions: Record<string, unknown> };
  }>('src/tasks-runner/run-command');
  const { daemonClient } = nx.load<{ daemonClient: unknown }>('src/daemon/client/client');
  return async (batch) => {
    const options = {
      ...getRunner({}, batch.nxJson).runnerOptions,
      batch: true,
      parallel: 1,
      lifeCycle: new CompositeLifeCycle([batch.lifeCycle]),
    };
    const hasher = nx.major <= 20 ? hashingFrom(batch.hasher, batch.fullTaskGraph) : batch.hasher;
    const orchestrator = new TaskOrchestrator(
      ...parametersFor(nx.major, { ...batch, hasher }, options, daemonClient),
    );
    const { forkedProcessTaskRunner } = orchestrator;
    const forkForBatch = forkedProcessTaskRunner.forkProcessForBatch.bind(forkedProcessTaskRunner);
    // 20 and 21 would give an executor only the tasks of its batch.
    forkedProcessTaskRunner.forkProcessForBatch = (what, projectGraph, _graph, ...rest) =>
      forkForBatch(what, projectGraph, batch.fullTaskGraph, ...rest);
    const workers = new Workers((isWorking) => batch.onWorking?.(isWorking), batch.frozen);
    try {
      return await orchestrator.run();
    } finally {
      await workers.end();
    }
  };
}
