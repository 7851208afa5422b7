import type { Journal, JournaledInput, JournalEntry } from '@org/dte-coordinator/core';
import type { RunSpec } from '@org/dte-protocol';
import {
  createState,
  type Effects,
  type Input,
  type SchedulerConfig,
  type SchedulerState,
  step,
} from '@org/dte-scheduler';
import { Checkers, type Deeds } from '@org/dte-testing';
import { isDeepStrictEqual } from 'node:util';
import type { Trace } from './trace';

/** As read from disk. `structuredClone` would create objects of another realm under jest, with other prototypes. */
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** A promise was broken. */
export class Violation extends Error {}

export function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Violation(what);
}

export interface ShadowOptions {
  readonly config: SchedulerConfig;
  readonly sessionId: string;
  readonly specs: ReadonlyMap<string, RunSpec>;
  readonly deeds: Deeds;
  readonly trace: Trace;
}

/**
 * A second scheduler that gets only the entries of the journal. Every step of it is checked, and its state must always equal
 * that of the coordinator.
 */
export class Shadow {
  state: SchedulerState;
  private readonly checkers: Checkers;
  /** Entries since the last snapshot. */
  private tail = 0;
  private isCompacting = false;
  private broken: Error | null = null;

  constructor(private readonly options: ShadowOptions) {
    this.state = createState(options.config, options.sessionId);
    this.checkers = new Checkers(options.deeds);
  }

  /** How many agents were released before the end. */
  get released(): number {
    return this.checkers.released;
  }

  /** Throws the finding of a checker, so that it is not mistaken for an error of the product. */
  rethrow(): void {
    if (this.broken !== null) throw this.broken;
  }

  /** The journal, observed from outside. */
  watch(journal: Journal): Journal {
    return {
      header: journal.header,
      get size() {
        return journal.size;
      },
      snapshot: () => journal.snapshot(),
      compact: async (snapshot) => {
        this.isCompacting = true;
        await journal.compact(snapshot);
        this.isCompacting = false;
        this.tail = 0;
      },
      secure: () => journal.secure(),
      replay: () => this.replayed(journal),
      append: async (entries) => {
        // Copies, as on disk: the product keeps using the originals.
        const written = entries.map(copy);
        await journal.append(entries);
        this.take(written);
      },
      close: () => journal.close(),
    };
  }

  /** Compares its state with that of the coordinator. */
  compare(state: SchedulerState, when: string): void {
    demand(isDeepStrictEqual(state, this.state), `${when}, replaying the journal leads to another state`);
  }

  private async *replayed(journal: Journal): AsyncGenerator<JournalEntry, void, undefined> {
    let count = 0;
    for await (const entry of journal.replay()) {
      count += 1;
      // The entry was written, but the process was stopped before the write returned.
      if (count > this.tail) this.take([copy(entry)]);
      yield entry;
    }
    // The snapshot has replaced the entries, but the process was stopped before `compact` returned.
    if (this.isCompacting && count === 0) this.tail = 0;
    this.isCompacting = false;
    if (count < this.tail)
      this.broken ??= new Violation(`the journal has lost ${this.tail - count} entries that were written`);
  }

  private take(entries: readonly JournalEntry[]): void {
    try {
      for (const { atMs, input } of entries) this.step(this.inputOf(input as JournaledInput), atMs);
    } catch (thrown) {
      this.broken ??= thrown as Error;
    }
  }

  private inputOf(input: JournaledInput): Input {
    if (input.type !== 'run.submit') return input;
    const { runId, ...rest } = input;
    return { ...rest, spec: copy(this.options.specs.get(runId)!) };
  }

  private step(input: Input, atMs: number): void {
    this.tail += 1;
    const effects = step(this.state, input, atMs);
    this.options.trace.step(input, atMs, effects);
    const { nowMs, clockMs } = this.state;
    // The coordinator's clock may have been set back; the scheduler's own time never runs back.
    const wakeAtMs = effects.wakeAtMs === null ? null : effects.wakeAtMs + nowMs - (clockMs ?? nowMs);
    this.checkers.check(this.state, input, { ...effects, wakeAtMs });
    this.checkFence(effects);
    this.checkLeases(wakeAtMs);
    this.checkAgents(wakeAtMs);
    this.checkMains(wakeAtMs);
  }

  /** A refused result does not end a task. */
  private checkFence({ events }: Effects): void {
    for (const event of events) {
      if (event.type !== 'result.refused') continue;
      const { runId, taskId, attempt } = event;
      const ended = events.some(
        (each) =>
          each.type === 'task.ended' &&
          each.runId === runId &&
          each.taskId === taskId &&
          each.attempt === attempt,
      );
      demand(!ended, `the refused attempt ${attempt} of ${runId}/${taskId} ended it`);
    }
  }

  /** Every lease has a deadline in the future, and the step asks to be woken for it. */
  private checkLeases(wakeAtMs: number | null): void {
    const { nowMs, config } = this.state;
    for (const run of this.state.runs.values())
      for (const lease of [...run.leases.values(), ...run.rivals.values()]) {
        const name = `the lease of ${run.runId}/${lease.assignment.taskId}#${lease.attempt}`;
        demand(lease.untilMs > nowMs, `${name} is over and still there`);
        demand(lease.untilMs <= nowMs + config.leaseMs, `${name} lasts for longer than a lease`);
        demand(wakeAtMs !== null && wakeAtMs <= lease.untilMs, `nobody is woken when ${name} is over`);
      }
  }

  /** Nobody waits for an agent without a connection for longer than a lease, and the step asks to be woken for its end. */
  private checkAgents(wakeAtMs: number | null): void {
    const { nowMs, config } = this.state;
    for (const agent of this.state.agents.values()) {
      if (agent.connected) continue;
      const untilMs = agent.disconnectedAtMs + config.leaseMs;
      demand(untilMs > nowMs, `${agent.agentId} is away for longer than a lease and still waited for`);
      demand(
        wakeAtMs !== null && wakeAtMs <= untilMs,
        `nobody is woken when ${agent.agentId} is away for too long`,
      );
    }
  }

  /** Every open run has a main job, or a deadline in the future at which it is cancelled. */
  private checkMains(wakeAtMs: number | null): void {
    const { nowMs, config } = this.state;
    for (const runId of this.state.openRuns) {
      const run = this.state.runs.get(runId)!;
      if (run.followed) continue;
      const untilMs = run.unfollowedAtMs + config.mainLostMs;
      demand(untilMs > nowMs, `${runId} is open though its main job is lost`);
      demand(
        wakeAtMs !== null && wakeAtMs <= untilMs,
        `nobody is woken when the main job of ${runId} is lost`,
      );
    }
  }
}
