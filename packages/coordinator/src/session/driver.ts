import { DteError, LIMITS } from '@org/dte-protocol';
import {
  createState,
  type Effects,
  type Input,
  type SchedulerConfig,
  type SchedulerState,
  step,
} from '@org/dte-scheduler';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { Journal, JournalEntry } from '../journal/journal';
import type { Meter } from '../metrics/meter';
import { Intake } from './intake';
import { toJournal } from './journaled-input';
import { WakeTimer } from './wake-timer';

interface Queued {
  readonly input: Input;
  readonly applied: Waiter | null;
  /** When it arrived, by the process's own clock. */
  readonly sinceMs: number;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: DteError) => void;
}

export interface DriverOptions {
  readonly journal: Journal;
  readonly sessionId: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How long an append is retried while the disk is full. */
  readonly retryMs: number;
  /** Performs the effects of one batch in order. Must not throw. */
  readonly perform: (effects: readonly Effects[]) => void;
  /** After each step of a batch, in order, before its effects are performed. Must not throw. */
  readonly stepped?: (step: { input: Input; effects: Effects; atMs: number }) => void;
  /** After each batch, when the state is what the journal leads to; nothing is written until it resolves. Never rejects. */
  readonly settle: () => Promise<void>;
  /** The disk is full and the write is retried; called once for each write that needs it. */
  readonly onDelayed: (error: DteError) => void;
  /** Such a write has succeeded, after this many failed tries. */
  readonly onWritten: (failedWrites: number) => void;
  /** The journal cannot be written, so nothing more can be decided. */
  readonly onFailed: (error: DteError) => void;
  readonly meter?: Meter | undefined;
}

/**
 * Runs one session's state machine: queue -> journal -> step -> effects.
 *
 * Durable before visible: inputs that are queued during a write go into the next write together (group commit), and
 * effects leave only after the write of their input has returned. A newer sync replaces a queued older one of the same
 * peer, because each is complete, so the number of peers limits the queue.
 */
export class SessionDriver {
  private current: SchedulerState;
  private readonly timer: WakeTimer;
  private readonly intake = new Intake(peerOf);
  private queue: Queued[] = [];
  /** Position in `queue` of the newest input of a peer, if that input is a sync. */
  private readonly lastSync = new Map<string, number>();
  private pumping: Promise<void> | null = null;
  private failed: DteError | null = null;
  private closed = false;

  constructor(private readonly options: DriverOptions) {
    this.current = createState(schedulerConfig(options.journal), options.sessionId);
    this.timer = new WakeTimer(options.now, () => this.push({ type: 'tick' }));
  }

  get state(): SchedulerState {
    return this.current;
  }

  /** Inputs that wait for the journal. */
  get backlog(): number {
    return this.queue.length;
  }

  /** Continues from an earlier state instead of an empty one. */
  resume(state: SchedulerState): void {
    this.current = state;
  }

  /** Applies a replayed input, whose messages were sent long ago. */
  replay(input: Input, atMs: number): Effects {
    return step(this.state, input, atMs);
  }

  push(input: Input): void {
    this.enqueue(input, null);
  }

  /** Resolves when the input is stored and applied. */
  apply(input: Input): Promise<void> {
    return new Promise((resolve, reject) => this.enqueue(input, { resolve, reject }));
  }

  /** Waits until the queue is empty, then closes the journal. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer.clear();
    while (this.pumping !== null) await this.pumping;
    await this.options.journal.close();
  }

  private enqueue(input: Input, applied: Waiter | null): void {
    if (this.failed !== null || this.closed) {
      applied?.reject(
        this.failed ?? new DteError('DTE_COORDINATOR_LOST', 'The coordinator is shutting down.'),
      );
      return;
    }
    const sinceMs = performance.now();
    const peer = peerOf(input);
    const at = peer === null ? undefined : this.lastSync.get(peer);
    if (at !== undefined && isSync(input)) {
      this.queue[at] = { input, applied, sinceMs };
    } else {
      if (peer !== null && isSync(input)) this.lastSync.set(peer, this.queue.length);
      else if (peer !== null) this.lastSync.delete(peer);
      this.queue.push({ input, applied, sinceMs });
    }
    this.pumping ??= this.pump();
  }

  private async pump(): Promise<void> {
    // Everything that arrives in this turn of the event loop joins the first write: a microtask would come after each socket.
    await nextTurn();
    while (this.queue.length > 0) {
      const batch = this.queue;
      this.queue = [];
      this.lastSync.clear();
      try {
        await this.runBatch(batch);
      } catch (thrown) {
        this.fail(DteError.from(thrown), batch);
      }
    }
    this.pumping = null;
  }

  private async runBatch(batch: readonly Queued[]): Promise<void> {
    const nowMs = this.options.now();
    const messages = batch.map(({ input }) => input);
    const inputs = this.intake.take(this.state, messages, nowMs);
    if (inputs.length > 0)
      await this.write(inputs.map((input) => ({ atMs: nowMs, input: toJournal(input) })));
    const effects = inputs.map((input) => {
      const effects = step(this.state, input, nowMs);
      this.options.stepped?.({ input, effects, atMs: nowMs });
      return effects;
    });
    const last = effects.at(-1);
    if (last !== undefined && !this.closed) this.timer.set(last.wakeAtMs);
    if (last !== undefined) this.options.perform(effects);
    const arrivedMs = batch.reduce((first, { sinceMs }) => Math.min(first, sinceMs), Infinity);
    this.options.meter?.performed(effects, performance.now() - arrivedMs);
    for (const { applied } of batch) applied?.resolve();
    if (inputs.length > 0 && !this.closed) await this.options.settle();
  }

  /** A disk is often full only for a moment: because of an upload that is about to fail and be removed. */
  private async write(entries: readonly JournalEntry[]): Promise<void> {
    const giveUpAtMs = this.options.now() + this.options.retryMs;
    for (let failedWrites = 0; ; failedWrites++) {
      try {
        const startedMs = performance.now();
        await this.options.journal.append(entries);
        this.options.meter?.journalWritten(performance.now() - startedMs);
        if (failedWrites > 0) this.options.onWritten(failedWrites);
        return;
      } catch (thrown) {
        const error = DteError.from(thrown);
        if (error.code !== 'DTE_DISK_FULL' || this.closed || this.options.now() >= giveUpAtMs) throw error;
        if (failedWrites === 0) this.options.onDelayed(error);
        await delay(LIMITS.journalRetryEveryMs.value, undefined, { ref: false });
      }
    }
  }

  private fail(error: DteError, batch: readonly Queued[]): void {
    this.failed = error;
    this.timer.clear();
    const waiting = [...batch, ...this.queue];
    this.queue = [];
    for (const { applied } of waiting) applied?.reject(error);
    this.options.onFailed(error);
  }
}

/** For the first line of a journal: see `schedulerConfig`. */
export function keptLimits(limits: SchedulerConfig): Record<keyof SchedulerConfig, number> {
  const { leaseMs, agentReturnMs, mainLostMs, sessionIdleMs, releaseIdleMs } = limits;
  const { attemptsPerTask, logEntriesPerFrame, frameBytes, reserveSlots } = limits;
  const waits = { leaseMs, agentReturnMs, mainLostMs, sessionIdleMs, releaseIdleMs };
  return { ...waits, attemptsPerTask, logEntriesPerFrame, frameBytes, reserveSlots };
}

/** A session keeps the limits it started with: replaying its journal with others would give another state. */
export function schedulerConfig({ header }: Pick<Journal, 'header'>): SchedulerConfig {
  const { config } = header;
  const number = (name: keyof SchedulerConfig): number => {
    const value = config[name];
    if (value === undefined) {
      throw new DteError(
        'DTE_JOURNAL_CORRUPT',
        `The journal of session ${header.sessionId} lacks ${name} in its first line.`,
      );
    }
    return value;
  };
  return {
    leaseMs: number('leaseMs'),
    // A session of 0.1.0: an agent that did not return lost its attempts when its lease ended.
    agentReturnMs: config['agentReturnMs'] ?? number('leaseMs'),
    mainLostMs: number('mainLostMs'),
    sessionIdleMs: number('sessionIdleMs'),
    attemptsPerTask: number('attemptsPerTask'),
    logEntriesPerFrame: number('logEntriesPerFrame'),
    frameBytes: number('frameBytes'),
    // A session of an earlier version: no agent was released before its end.
    releaseIdleMs: config['releaseIdleMs'] ?? 0,
    reserveSlots: config['reserveSlots'] ?? 0,
  };
}

const isSync = (input: Input): boolean => input.type === 'agent.sync' || input.type === 'main.sync';

/** The peer whose inputs must stay in order; null if a newer input may not replace an older one anyway. */
function peerOf(input: Input): string | null {
  switch (input.type) {
    case 'agent.sync':
    case 'agent.disconnected':
    case 'agent.removed':
      return `agent ${input.agentId}`;
    case 'agent.joined':
      return `agent ${input.agent.agentId}`;
    case 'main.sync':
      return `run ${input.sync.runId}`;
    case 'main.disconnected':
      return `run ${input.runId}`;
    default:
      return null;
  }
}
