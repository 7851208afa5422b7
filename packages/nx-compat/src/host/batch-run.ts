import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { OpenedCache } from '../cache/open-cache';
import type { NxLifeCycle, NxStatuses, NxTask, NxTaskResult } from '../model/types';
import { withoutNewListeners } from '../processes/listeners';
import { ticksNow } from '../processes/task-processes';
import { brokenBy, type Broken } from './broken';
import type { CurrentRun } from './current-run';
import { cacheStatusOf, storeOutcomeOf } from './outcome';
import { OutputCapture } from './output-capture';
import type { NxNotices } from './patches';
import type { BatchRun, RunBatchRequest, TaskRun } from './types';

/** Characters of a batch's own output that are kept; the last ones. Not configurable: all of it is shown as it arrives. */
const KEPT_LOG = 64 * 1024;

/** A batch that Nx runs: the output of its process, and the result of each task. */
export class RunningBatch implements CurrentRun {
  readonly startedTicks = ticksNow();
  private readonly startMs = Date.now();
  private log = '';
  private readonly results = new Map<string, NxTaskResult>();
  /** What Nx reports about tasks: a cache hit, and a task that the executor reports as ended, before anything else happens to it. */
  private readonly shown = new Map<string, { status: NxTaskResult['status']; output: string }>();
  private stopped = false;
  private settled = false;
  private abandon: (() => void) | undefined;

  constructor(
    private readonly request: RunBatchRequest,
    private readonly cache: OpenedCache,
    private readonly notices: NxNotices,
  ) {}

  get name(): string {
    return this.request.tasks.map(({ id }) => id).join(', ');
  }

  get isSettled(): boolean {
    return this.settled;
  }

  stopping(): void {
    this.stopped = true;
  }

  abandonNow(): void {
    this.abandon?.();
  }

  /** @param run runs the given tasks, which it may modify, and returns their results */
  async execute(run: (tasks: NxTask[], lifeCycle: NxLifeCycle) => Promise<NxStatuses>): Promise<BatchRun> {
    const tasks = this.request.tasks.map((task) => ({ ...task }));
    const capture = new OutputCapture();
    let statuses: NxStatuses = {};
    let broken: Broken | undefined;
    this.notices.take();
    this.cache.recordTaskDetails(tasks);
    capture.start((chunk) => {
      this.emit(chunk);
    });
    this.cache.onStoring = (code) => this.storing(code);
    try {
      const work = withoutNewListeners(async () => {
        statuses = await this.withoutReads(tasks, () => run(tasks, this.lifeCycle()));
      });
      const abandoned = new Promise<void>((done) => (this.abandon = done));
      await Promise.race([work, abandoned]);
      await turnOfTheLoop();
    } catch (error) {
      broken = brokenBy(error);
    } finally {
      this.settled = true;
      this.cache.onStoring = undefined;
      capture.stop();
    }
    const notices = this.notices.take();
    const { log, stopped } = this;
    // Whatever Nx reports for a batch whose process was stopped.
    if (stopped) broken = undefined;
    if (broken !== undefined) return { tasks: new Map(), log, stopped, broken };
    return { tasks: await this.conclude(tasks, statuses, notices), log, stopped, broken };
  }

  private withoutReads<T>(tasks: readonly NxTask[], work: () => Promise<T>): Promise<T> {
    if (this.request.skipCacheRead !== true) return work();
    const wrapped = tasks.reduce<() => Promise<T>>(
      (inner, { hash }) =>
        hash === undefined ? inner : () => this.cache.withoutReads(hash, 'everywhere', inner),
      work,
    );
    return wrapped();
  }

  /** False: Nx stores nothing; as for one task. */
  private storing(code: number): boolean {
    return !this.stopped && (code === 0 || this.request.storeFailure !== false);
  }

  /** What is reported after the batch was stopped describes the stop, not the tasks. */
  private lifeCycle(): NxLifeCycle {
    return {
      endTasks: (results) => {
        if (this.stopped) return;
        for (const result of results) this.results.set(result.task.id, result);
      },
      printTaskTerminalOutput: ({ id }, status, output) => {
        if (!this.stopped) this.shown.set(id, { status, output });
      },
    };
  }

  private emit(chunk: string): void {
    if (this.settled) return;
    this.log = (this.log + chunk).slice(-KEPT_LOG);
    this.request.onOutput?.(chunk);
  }

  private async conclude(
    tasks: readonly NxTask[],
    statuses: NxStatuses,
    notices: string,
  ): Promise<Map<string, TaskRun | null>> {
    const ended = new Map<string, TaskRun | null>();
    for (const [index, ran] of tasks.entries()) {
      const result = this.results.get(ran.id);
      const shown = this.shown.get(ran.id)?.status;
      if (this.stopped && result === undefined && shown === undefined) continue;
      // Nx hashes tasks that depend on outputs again after the batch has ended, which it never did.
      const task =
        this.stopped && result === undefined ? { ...ran, hash: this.request.tasks[index]?.hash } : ran;
      // 20 and 21 name only the first tasks of a batch whose process crashed; the others count as skipped.
      const status = result?.status ?? (this.stopped ? shown : statuses[ran.id]) ?? 'skipped';
      ended.set(
        task.id,
        status === 'skipped' ? null : await this.concludeTask(task, status, result, notices),
      );
    }
    return ended;
  }

  private async concludeTask(
    given: NxTask,
    status: NxTaskResult['status'],
    result: NxTaskResult | undefined,
    notices: string,
  ): Promise<TaskRun> {
    // 20 and 21 report a copy, with the times on it.
    const task = { ...given, ...result?.task };
    const terminalOutput = result?.terminalOutput ?? this.shown.get(task.id)?.output ?? '';
    const isFailure = status === 'failure' || status === 'stopped';
    // 20 has no codes.
    const said = result?.code ?? 0;
    const code = isFailure ? (said === 0 ? 1 : said) : 0;
    return {
      status,
      code,
      terminalOutput,
      hash: task.hash ?? '',
      cacheStatus: cacheStatusOf(status),
      store: await storeOutcomeOf(this.cache, task, { status, code }, terminalOutput),
      startMs: task.startTime ?? this.startMs,
      endMs: task.endTime ?? Date.now(),
      stopped: false,
      broken: undefined,
      notices,
    };
  }
}
