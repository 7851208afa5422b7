import type { FromExecutor, RunMessage, SupervisorOptions, ToExecutor } from '@org/dte-agent/core';
import type { Assignment, AttemptResult } from '@org/dte-protocol';
import type { SeededRandom } from '@org/dte-testing';
import { demand } from './shadow';

export interface ExecutorsOptions {
  readonly random: SeededRandom;
  readonly slots: number | null;
  /** Executors beyond the slots. */
  readonly spare: number;
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
  /** Continues an attempt that waits for a slot. */
  go: (() => void) | null;
  timer: NodeJS.Timeout | undefined;
}

/** Simulated start of an executor. Not configurable: only the order of events depends on it. */
const RESTART_MS = 2_000;
/** Longest simulated restore. Not configurable: only the order of events depends on it. */
const MAX_PREPARE_MS = 500;
/** Longest simulated storing of a result. Not configurable: only the order of events depends on it. */
const MAX_STORE_MS = 300;
/** Longest simulated stop. Not configurable: only the order of events depends on it. */
const MAX_STOP_MS = 3_000;

/** The executors of one agent. Their tasks take time and have the planned result. Some executors ignore a request to stop. */
export class SimulatedExecutors {
  private readonly executors = new Map<number, Executor>();
  private nextId = 1;
  private size: number;
  /** Shrinking stops nothing that runs. */
  private largest = 0;
  /** What runs, of the attempts that executors have. */
  private readonly commands = new Set<Assignment>();
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
    if (message.type === 'go') executor.go?.();
    if (message.type === 'stop' && executor.running !== null) this.stop(id, executor, executor.running);
  }

  private run(id: number, executor: Executor, { assignment, waits }: RunMessage): void {
    const { random, durationMs, finish, onMessage } = this.options;
    const { runId, taskId, attempt } = assignment;
    const ref = { runId, taskId, attempt };
    executor.running = assignment;
    const begin = (): void => {
      executor.go = null;
      this.commands.add(assignment);
      this.checkCommands();
      onMessage(id, { type: 'executing', ref, startMs: Date.now() });
      this.later(executor, durationMs(assignment), () => {
        this.commands.delete(assignment);
        onMessage(id, { type: 'freed', ref, outputs: [] });
        this.later(executor, random.int(0, MAX_STORE_MS), () => {
          executor.running = null;
          onMessage(id, { type: 'result', ref, result: finish(assignment), outputs: [] });
        });
      });
    };
    this.later(executor, random.int(0, MAX_PREPARE_MS), () => {
      if (waits !== true) return begin();
      executor.go = begin;
      onMessage(id, { type: 'prepared', ref });
    });
  }

  /** Whatever is prepared, at most as many commands run as there are slots, and one that must run alone is alone. */
  private checkCommands(): void {
    const { size } = this.commands;
    demand(size <= Math.max(this.size, this.largest), `${size} commands run in ${this.size} slots`);
    const alone = [...this.commands].find(({ parallelism }) => !parallelism);
    demand(alone === undefined || size === 1, `${alone?.taskId ?? ''} runs beside others`);
  }

  private stop(id: number, executor: Executor, { runId, taskId, attempt }: Assignment): void {
    const { random, onMessage } = this.options;
    clearTimeout(executor.timer);
    executor.go = null;
    // It hangs until its supervisor kills it.
    if (random.chance(0.2)) return;
    this.later(executor, random.int(0, MAX_STOP_MS), () => {
      this.ended(executor);
      const reason = { code: 'DTE_CANCELLED', message: 'stopped' } as const;
      const ref = { runId, taskId, attempt };
      onMessage(id, { type: 'result', ref, result: { kind: 'returned', reason }, outputs: [] });
    });
  }

  private release(id: number): void {
    const executor = this.executors.get(id);
    if (executor?.state !== 'busy') return;
    executor.state = 'idle';
    this.ended(executor);
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
      const executor = this.executors.get(id);
      if (executor !== undefined) this.ended(executor);
      if (this.closed || !this.executors.delete(id)) return;
      this.options.onGone(id, { code: 'DTE_EXECUTOR_CRASHED', why: 'simulated' });
      setTimeout(() => this.options.whenAwake(() => this.fill()), RESTART_MS);
    });
  }

  private resize(size: number): void {
    this.size = size;
    this.largest = Math.max(this.largest, size);
    this.trim();
    this.fill();
  }

  private trim(): void {
    for (const [id, { state }] of this.executors) {
      if (this.executors.size <= this.size + this.options.spare) return;
      if (state === 'idle') this.executors.delete(id);
    }
  }

  private fill(): void {
    const target = this.size + this.options.spare;
    if (this.closed || this.executors.size >= target) return;
    while (this.executors.size < target)
      this.executors.set(this.nextId++, { state: 'idle', running: null, go: null, timer: undefined });
    // Not yet, while the agent is being put together or in the middle of something else.
    setTimeout(() => this.options.whenAwake(() => this.closed || this.options.onIdle()), 0);
  }

  private ended(executor: Executor): void {
    if (executor.running !== null) this.commands.delete(executor.running);
    executor.running = null;
  }

  private later(executor: Executor, ms: number, action: () => void): void {
    executor.timer = setTimeout(() => this.options.whenAwake(action), ms);
  }
}
