import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { OpenedCache } from '../cache/open-cache';
import type { NxLifeCycle, NxTask, NxTaskResult } from '../model/types';
import { withoutNewListeners } from '../processes/listeners';
import { ticksNow } from '../processes/task-processes';
import { brokenBy, NO_RESULT, type Broken } from './broken';
import type { CurrentRun } from './current-run';
import { cacheStatusOf, storeOutcomeOf } from './outcome';
import { OutputCapture } from './output-capture';
import type { NxNotices } from './patches';
import type { RunTaskRequest, TaskRun } from './types';

/** A prepared task: hashed, and bound to the version's way of running it. */
export interface PreparedRun {
  task: NxTask;
  hash: string;
  run: () => Promise<NxTaskResult | undefined>;
}

interface Ending {
  result: NxTaskResult | undefined;
  /** Why there is no result, if known. */
  reason: Broken | undefined;
}

/** Characters of live output kept for a task that ends without a result of Nx's; the last ones. Any other output has limits of its own. */
const KEPT_OUTPUT = 10_000_000;
/** Turns of the event loop by which output may arrive after its process has exited. Not configurable: turns take no time if no output arrives. */
const DRAIN_TURNS = 200;

/** Number of streams that are piped into those of this process; those of a forked executor are until all of its output has arrived. */
const pipesOpen = (): number =>
  process.stdout.listenerCount('unpipe') + process.stderr.listenerCount('unpipe');

/** One task that Nx runs: its output while it runs, its result when it has ended. */
export class SingleRun implements CurrentRun {
  readonly startedTicks = ticksNow();
  private readonly pipesBefore = pipesOpen();
  private streamed = '';
  private replayed: string | undefined;
  private result: NxTaskResult | undefined;
  private exitCode: number | undefined;
  private stopped = false;
  private settled = false;
  private abandon: (() => void) | undefined;

  constructor(
    private readonly request: RunTaskRequest,
    private readonly cache: OpenedCache,
    private readonly notices: NxNotices,
  ) {}

  get name(): string {
    return this.taskId;
  }

  private get taskId(): string {
    return this.request.task.id;
  }

  get isSettled(): boolean {
    return this.settled;
  }

  stopping(): void {
    this.stopped = true;
  }

  /** Settles the run without Nx: its processes have exited and nothing more will happen. */
  abandonNow(): void {
    this.abandon?.();
  }

  async execute(prepare: (lifeCycle: NxLifeCycle) => Promise<PreparedRun>): Promise<TaskRun> {
    const startMs = Date.now();
    const capture = new OutputCapture();
    this.notices.take();
    let prepared: PreparedRun | undefined;
    let ending: Ending;
    capture.start((chunk) => {
      this.emit(chunk);
    });
    this.cache.onStoring = (code) => this.storing(code);
    try {
      const work = withoutNewListeners(async () => {
        prepared = await prepare(this.lifeCycle());
        await this.throughNx(prepared);
      });
      const abandoned = new Promise<void>((done) => (this.abandon = done));
      await Promise.race([work, abandoned]);
      await this.drain();
      ending = { result: this.result, reason: undefined };
    } catch (error) {
      ending = { result: undefined, reason: brokenBy(error) };
    } finally {
      this.settled = true;
      this.cache.onStoring = undefined;
      capture.stop();
    }
    return this.conclude(ending, prepared, startMs);
  }

  private async throughNx({ task, hash, run }: PreparedRun): Promise<void> {
    this.cache.recordTaskDetails([task]);
    const askRemote = this.request.lookupRemote ?? this.request.task.hash === undefined;
    if (this.stopped) throw new Error('stopped before it started');
    const { skipCacheRead, rerun } = this.request;
    const limit = skipCacheRead === true || rerun === true ? 'everywhere' : askRemote ? undefined : 'remote';
    const returned = await (limit ? this.cache.withoutReads(hash, limit, run) : run());
    // 21 returns null for a process that was killed by a signal.
    if (Number.isInteger(returned?.code)) this.exitCode = returned?.code;
  }

  /**
   * False: Nx stores nothing. A stopped task has not finished its work, whatever its exit code; and a failure may have
   * to stay out of the cache.
   */
  private storing(code: number): boolean {
    if (this.stopped) return false;
    if (code !== 0 && this.request.storeFailure === false) return false;
    this.request.onStoring?.();
    // With --skip-nx-cache, Nx stores nothing either, but runDiscreteTasks of 21 and later ignores the flag.
    return this.request.skipCacheRead !== true;
  }

  private lifeCycle(): NxLifeCycle {
    return {
      endTasks: (results) => {
        this.result = results.find(({ task }) => task.id === this.taskId) ?? this.result;
      },
      // With streaming on, Nx calls this only for what it replays from a cache.
      printTaskTerminalOutput: (_task, _status, output) => {
        this.replayed = output;
      },
    };
  }

  private async drain(): Promise<void> {
    for (let turn = 0; turn === 0 || (pipesOpen() > this.pipesBefore && turn < DRAIN_TURNS); turn++) {
      await turnOfTheLoop();
    }
  }

  private emit(chunk: string): void {
    if (this.settled) return;
    this.streamed += chunk;
    if (this.streamed.length > 2 * KEPT_OUTPUT) this.streamed = this.streamed.slice(-KEPT_OUTPUT);
    this.request.onOutput?.(chunk);
  }

  private async conclude(
    { result, reason }: Ending,
    prepared: PreparedRun | undefined,
    startMs: number,
  ): Promise<TaskRun> {
    const hash = prepared?.hash ?? this.request.task.hash ?? '';
    const terminalOutput = result?.terminalOutput ?? this.replayed ?? this.streamed + (reason?.why ?? '');
    if (this.streamed === '' && terminalOutput !== '') this.request.onOutput?.(terminalOutput);
    const status = result?.status ?? 'failure';
    const succeeded = result?.code === 0;
    return {
      status: this.stopped && !succeeded ? 'failure' : status,
      code: this.exitCode ?? result?.code ?? 1,
      terminalOutput,
      hash,
      cacheStatus: cacheStatusOf(status),
      store:
        prepared && result
          ? await storeOutcomeOf(this.cache, prepared.task, result, terminalOutput)
          : { kind: 'none' },
      startMs: prepared?.task.startTime ?? startMs,
      endMs: prepared?.task.endTime ?? Date.now(),
      stopped: this.stopped,
      broken: result === undefined && !this.stopped ? (reason ?? NO_RESULT) : undefined,
      notices: this.notices.take(),
    };
  }
}
