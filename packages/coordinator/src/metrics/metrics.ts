import type { CacheMeter } from '@org/dte-cache';
import type { ReportEvent } from '@org/dte-report';
import type { Effects, HistoryEvent, Load } from '@org/dte-scheduler';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Meter } from './meter';

/** What is read of a session when the metrics are asked for. */
export interface MeteredSession {
  readonly isFinished: boolean;
  readonly load: Load;
  /** Inputs that are not in the journal yet. */
  readonly backlog: number;
}

/** A unit. */
const MS_PER_S = 1000;

/** Seconds: from a decision without waiting to one that waited for a slow disk. The buckets of a histogram, not limits. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Who has the result of a task, and whether it ran there or a cache had it. */
const PLACES = ['agent', 'main'] as const;
const SOURCES = ['ran', 'local-cache', 'remote-cache'] as const;

/** The metrics of one coordinator, in a registry of their own. No label has a value that a client chooses. */
export class Metrics implements Meter {
  private readonly registry = new Registry();
  private readonly assigned = this.counter('dte_attempts_total', 'Attempts that were assigned to agents.');
  private readonly lost = this.counter(
    'dte_attempts_lost_total',
    'Attempts that were lost through no fault of their tasks, by error code.',
    ['code'],
  );
  private readonly retried = this.counter(
    'dte_task_retries_total',
    'Attempts whose tasks failed and were retried.',
  );
  private readonly outrun = this.counter(
    'dte_second_starts_total',
    'Second starts of tasks that ran for longer than usual, by how they ended.',
    ['end'],
  );
  private readonly ended = this.counter('dte_tasks_total', 'Tasks that ended, by outcome.', ['outcome']);
  private readonly results = this.counter(
    'dte_task_results_total',
    'Results of tasks, by who has them and where they are from.',
    ['place', 'source'],
  );
  private readonly refused = this.counter(
    'dte_agents_refused_total',
    'Agents that were refused, by error code.',
    ['code'],
  );
  private readonly lookups = this.counter(
    'dte_cache_lookups_total',
    "Hashes that clients asked the session's store for, by result.",
    ['result'],
  );
  private readonly sharedLookups = this.counter(
    'dte_shared_cache_lookups_total',
    'Hashes that the shared cache was asked for, by the scope that had them.',
    ['result'],
  );
  private readonly sharedWrites = this.counter(
    'dte_shared_cache_writes_total',
    'Results that were to be stored in the shared cache, by what became of them.',
    ['result'],
  );
  private readonly bytes = this.counter(
    'dte_artifact_bytes_total',
    'Bytes of artifacts, as they are sent over the network.',
    ['direction'],
  );
  private readonly dispatch = this.histogram(
    'dte_dispatch_seconds',
    'From the input that made a task ready or a slot free, to the assignment that was sent.',
  );
  private readonly journal = this.histogram(
    'dte_journal_write_seconds',
    'How long a write to a journal took.',
  );

  readonly sharedCache: CacheMeter = {
    found: (where, count) => this.sharedLookups.inc({ result: where === 'none' ? 'miss' : where }, count),
    wrote: (result) => this.sharedWrites.inc({ result }),
  };

  constructor(private readonly sessions: () => readonly MeteredSession[]) {
    collectDefaultMetrics({ register: this.registry });
    this.describeSessions();
    this.describeAgents();
    // A rate begins with the second value of a counter: without these, the first result of each kind would not count.
    for (const place of PLACES) for (const source of SOURCES) this.results.inc({ place, source }, 0);
  }

  performed(effects: readonly Effects[], waitedMs: number): void {
    for (const { events } of effects) for (const event of events) this.note(event, waitedMs);
  }

  /** What an agent ran or had, the scheduler tells: see `performed`. */
  told(events: readonly ReportEvent[]): void {
    for (const event of events) {
      const source = event.type === 'ended' && event.here ? sourceHere(event) : null;
      if (source !== null) this.results.inc({ place: 'main', source });
    }
  }

  journalWritten(ms: number): void {
    this.journal.observe(ms / MS_PER_S);
  }

  looked(isHit: boolean): void {
    this.lookups.inc({ result: isHit ? 'hit' : 'miss' });
  }

  transferred(direction: 'received' | 'sent', bytes: number): void {
    this.bytes.inc({ direction }, bytes);
  }

  /** In the text format of Prometheus. */
  async text(): Promise<{ readonly body: string; readonly contentType: string }> {
    return { body: await this.registry.metrics(), contentType: this.registry.contentType };
  }

  private note(event: HistoryEvent, waitedMs: number): void {
    if (event.type === 'task.assigned') {
      this.assigned.inc();
      this.dispatch.observe(waitedMs / MS_PER_S);
    }
    if (event.type === 'task.lost') this.lost.inc({ code: event.reason.code });
    if (event.type === 'task.outrun') this.outrun.inc({ end: event.end });
    if (event.type === 'task.retried') this.retried.inc();
    if (event.type === 'task.ended') {
      this.ended.inc({ outcome: event.status });
      if (event.source !== null) this.results.inc({ place: 'agent', source: event.source });
    }
    if (event.type === 'agent.refused') this.refused.inc({ code: event.reason.code });
  }

  private describeSessions(): void {
    const states: readonly [string, (session: MeteredSession) => boolean][] = [
      ['open', ({ isFinished }) => !isFinished],
      ['finished', ({ isFinished }) => isFinished],
    ];
    this.gauge('dte_sessions', 'Sessions in memory, by state.', 'state', () =>
      states.map(([state, isIn]) => [state, this.sessions().filter(isIn).length]),
    );
    this.gauge('dte_journal_backlog', 'Inputs that arrived and are not in a journal yet.', null, () => [
      ['', sum(this.sessions().map(({ backlog }) => backlog))],
    ]);
  }

  private describeAgents(): void {
    const total = (of: (load: Load) => number): number => sum(this.sessions().map(({ load }) => of(load)));
    this.gauge('dte_agents', 'Connected agents, by state.', 'state', () => [
      ['ready', total(({ agents, leaving }) => agents - leaving)],
      ['leaving', total(({ leaving }) => leaving)],
    ]);
    this.gauge('dte_slots', 'Slots of connected agents, by state.', 'state', () => [
      ['busy', total(({ busy }) => busy)],
      ['idle', total(({ slots, busy }) => Math.max(0, slots - busy))],
    ]);
    this.gauge('dte_tasks', 'Tasks of open runs that have not ended, by state.', 'state', () => [
      ['ready', total(({ ready }) => ready)],
      ['running', total(({ running }) => running)],
      ['waiting', total(({ waiting }) => waiting)],
    ]);
  }

  private counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private histogram(name: string, help: string): Histogram {
    return new Histogram({ name, help, buckets: BUCKETS, registers: [this.registry] });
  }

  /** Read when the metrics are asked for. */
  private gauge(
    name: string,
    help: string,
    label: string | null,
    read: () => readonly (readonly [string, number])[],
  ): void {
    new Gauge({
      name,
      help,
      labelNames: label === null ? [] : [label],
      registers: [this.registry],
      collect() {
        for (const [value, count] of read()) this.set(label === null ? {} : { [label]: value }, count);
      },
    });
  }
}

type Ended = Extract<ReportEvent, { type: 'ended' }>;

/** Null: the task did not run. */
function sourceHere({ status, from, startMs }: Ended): (typeof SOURCES)[number] | null {
  if (status !== 'success' && status !== 'failure') return null;
  if (from !== null) return `${from}-cache`;
  return startMs === null ? null : 'ran';
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);
