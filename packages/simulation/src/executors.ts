import type { FromExecutor, RunMessage, SupervisorOptions, ToExecutor } from '@org/dte-agent/core';
import type { Assignment, AttemptResult } from '@org/dte-protocol';
import type { SeededRandom } from '@org/dte-testing';

export interface ExecutorsOptions {
  readonly random: SeededRandom;
  readonly slots: number | null;
  /** How long an attempt runs. */
  readonly durationMs: (assignment: Assignment) => number;
  /** The attempt has finished. */
  readonly finish: (assignment: Assignment) => AttemptResult;
  readonly whenAwake: (action: () => void) => void;
  readonly onMessage: (executorId: number, message: FromExecutor) => void;
  readonly onIdle: () => void;
  readonly onGone: (executorId: number, death: { code: 'DTE_EXECUTOR_CRASHED'; why: string }) => void;
}

interface Executor {
  state: 'idle' | 'busy';
  running: Assignment | null;
  timer: NodeJS.Timeout | undefined;
}

/** Simulated start of an executor. Not configurable: only the order of events depends on it. */
const RESTART_MS = 2_000;
/** Longest simulated restore. Not configurable: only the order of events depends on it. */
const MAX_PREPARE_MS = 500;
/** Longest simulated stop. Not configurable: only the order of events depends on it. */
const MAX_STOP_MS = 3_000;

/** The executors of one agent. Their tasks take time and have the planned result. Some executors ignore a request to stop. */
export class SimulatedExecutors {
  private readonly executors = new Map<number, Executor>();
  private nextId = 1;
  private size: number;
  private closed = false;

  constructor(private readonly options: ExecutorsOptions) {
    this.size = options.slots ?? 2;
    this.fill();
  }

  /** As the supervisor sees them. */
  get pool(): SupervisorOptions['pool'] {
    const slots = (): number => this.size;
    const idle = (): number => [...this.executors.values()].filter(({ state }) => state === 'idle').length;
    return {
      get slots() {
        return slots();
      },
      get idle() {
        return idle();
      },
      take: () => this.take(),
      send: (id, message) => this.onMessage(id, message),
      release: (id) => this.release(id),
      kill: (id) => this.crash(id),
      resize: (size) => this.resize(size),
    };
  }

  /** An executor that runs a task; undefined if there is none. */
  crashOne(): void {
    const busy = [...this.executors].find(([, { state }]) => state === 'busy');
    if (busy !== undefined) this.crash(busy[0]);
  }

  close(): void {
    this.closed = true;
    for (const { timer } of this.executors.values()) clearTimeout(timer);
  }

  private take(): number | null {
    for (const [id, executor] of this.executors) {
      if (executor.state !== 'idle') continue;
      executor.state = 'busy';
      return id;
    }
    return null;
  }

  private onMessage(id: number, message: ToExecutor): void {
    const executor = this.executors.get(id);
    if (executor === undefined) return;
    if (message.type === 'run') this.run(id, executor, message);
    if (message.type === 'stop' && executor.running !== null) this.stop(id, executor, executor.running);
  }

  private run(id: number, executor: Executor, { assignment }: RunMessage): void {
    const { random, durationMs, finish, onMessage } = this.options;
    const { runId, taskId, attempt } = assignment;
    const ref = { runId, taskId, attempt };
    executor.running = assignment;
    this.later(executor, random.int(0, MAX_PREPARE_MS), () => {
      onMessage(id, { type: 'executing', ref, startMs: Date.now() });
      this.later(executor, durationMs(assignment), () => {
        executor.running = null;
        onMessage(id, { type: 'result', ref, result: finish(assignment), outputs: [] });
      });
    });
  }

  private stop(id: number, executor: Executor, { runId, taskId, attempt }: Assignment): void {
    const { random, onMessage } = this.options;
    clearTimeout(executor.timer);
    // It hangs until its supervisor kills it.
    if (random.chance(0.2)) return;
    this.later(executor, random.int(0, MAX_STOP_MS), () => {
      executor.running = null;
      const reason = { code: 'DTE_CANCELLED', message: 'stopped' } as const;
      const ref = { runId, taskId, attempt };
      onMessage(id, { type: 'result', ref, result: { kind: 'returned', reason }, outputs: [] });
    });
  }

  private release(id: number): void {
    const executor = this.executors.get(id);
    if (executor?.state !== 'busy') return;
    executor.state = 'idle';
    executor.running = null;
    this.trim();
    if (this.executors.has(id)) this.options.onIdle();
  }

  private crash(id: number): void {
    const executor = this.executors.get(id);
    if (executor === undefined) return;
    clearTimeout(executor.timer);
    // Its process exits later.
    setTimeout(() => this.gone(id), 100);
  }

  private gone(id: number): void {
    this.options.whenAwake(() => {
      if (this.closed || !this.executors.delete(id)) return;
      this.options.onGone(id, { code: 'DTE_EXECUTOR_CRASHED', why: 'simulated' });
      setTimeout(() => this.options.whenAwake(() => this.fill()), RESTART_MS);
    });
  }

  private resize(size: number): void {
    this.size = size;
    this.trim();
    this.fill();
  }

  private trim(): void {
    for (const [id, { state }] of this.executors) {
      if (this.executors.size <= this.size) return;
      if (state === 'idle') this.executors.delete(id);
    }
  }

  private fill(): void {
    if (this.closed || this.executors.size >= this.size) return;
    while (this.executors.size < this.size)
      this.executors.set(this.nextId++, { state: 'idle', running: null, timer: undefined });
    // Not yet, while the agent is being put together or in the middle of something else.
    setTimeout(() => this.options.whenAwake(() => this.closed || this.options.onIdle()), 0);
  }

  private later(executor: Executor, ms: number, action: () => void): void {
    executor.timer = setTimeout(() => this.options.whenAwake(action), ms);
  }
}
