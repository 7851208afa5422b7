import type { AgentInfo, RunLogEntry, RunSpec } from '@org/dte-protocol';
import type { ReportEvent } from '@org/dte-report';
import {
  type Effects,
  endedTasks,
  entriesAfter,
  entriesDeleted,
  expectedDurations,
  type Input,
  openRuns,
  type SchedulerState,
} from '@org/dte-scheduler';

/** One step of the scheduler, right after it. */
export interface Step {
  readonly state: SchedulerState;
  readonly input: Input;
  readonly effects: Effects;
  readonly atMs: number;
}

/** Up to which entry the log of each run is translated. */
export type Positions = Readonly<Record<string, number>>;

/**
 * Turns what a session's scheduler takes in and decides into the events of a report. Pure: the same steps give the same events, in
 * a running coordinator and from a journal later.
 */
export class Translation {
  private readonly seqs: Map<string, number>;
  private agents = new Map<string, AgentInfo>();

  constructor(
    private readonly write: (event: ReportEvent) => void,
    positions: Positions = {},
  ) {
    this.seqs = new Map(Object.entries(positions));
  }

  get positions(): Positions {
    return Object.fromEntries(this.seqs);
  }

  /** Call this after every step: a later one may delete entries of the log that this one wrote. */
  step({ state, input, effects, atMs }: Step): void {
    if (input.type === 'run.submit') this.submitted(state, input.spec, atMs);
    for (const outgoing of effects.send)
      if (outgoing.to === 'session') this.members(outgoing.message.agents, atMs);
    const ended = effects.events.flatMap((event) => (event.type === 'run.ended' ? [event.runId] : []));
    for (const runId of new Set([...openRuns(state), ...ended])) this.entries(state, runId, atMs);
  }

  /**
   * What a state tells of a time whose steps are not known: which tasks have ended, not where and when they ran.
   * @param specs of the runs that are not closed
   */
  resume(state: SchedulerState, specs: readonly RunSpec[], atMs: number): void {
    for (const spec of specs) {
      const { runId } = spec;
      this.submitted(state, spec, atMs);
      const kept = new Set(entriesAfter(state, runId, 0).map(({ taskId }) => taskId));
      for (const { taskId, status } of endedTasks(state, runId)) {
        if (kept.has(taskId)) continue;
        const nowhere = { attempt: null, agent: null, result: null, reason: null };
        const entry: RunLogEntry = { seq: 1, type: 'ended', taskId, status, ...nowhere };
        this.write({ type: 'entry', atMs, runId, entry });
      }
      this.entries(state, runId, atMs);
    }
  }

  private submitted(state: SchedulerState, { runId, command, parallel, tasks }: RunSpec, atMs: number): void {
    if (this.seqs.has(runId)) return;
    this.seqs.set(runId, 0);
    const expectedMs = expectedDurations(state, runId);
    const planned = tasks.map((task, index) => plannedOf(task, expectedMs[index] ?? null));
    this.write({ type: 'run', atMs, runId, command, parallel, tasks: planned });
  }

  private entries(state: SchedulerState, runId: string, atMs: number): void {
    const after = this.seqs.get(runId) ?? 0;
    for (const entry of entriesAfter(state, runId, after)) {
      this.write({ type: 'entry', atMs, runId, entry: withoutDetails(entry) });
      this.seqs.set(runId, entry.seq);
    }
    this.seqs.set(runId, Math.max(this.seqs.get(runId) ?? 0, entriesDeleted(state, runId)));
  }

  /** Only changes of who is there. An agent that has left is not in the list any more. */
  private members(agents: readonly AgentInfo[], atMs: number): void {
    const now = new Map(agents.map((agent) => [agent.agentId, agent]));
    const changed = agents.filter((agent) => differs(this.agents.get(agent.agentId), agent));
    const gone = [...this.agents.values()].filter(({ agentId, connected }) => connected && !now.has(agentId));
    this.agents = now;
    const told = [...changed, ...gone.map((agent) => ({ ...agent, connected: false }))];
    if (told.length === 0) return;
    this.write({ type: 'agents', atMs, agents: told.map((agent) => ({ ...agent, running: [] })) });
  }
}

const differs = (before: AgentInfo | undefined, now: AgentInfo): boolean =>
  before?.connected !== now.connected || before.slots !== now.slots;

const plannedOf = (
  { id, nxTask: { target }, dependencies, hash, cacheable }: RunSpec['tasks'][number],
  expectedMs: number | null,
) => ({
  id,
  project: target.project,
  target: target.target,
  configuration: target.configuration ?? null,
  dependencies: dependencies.map((edge) => edge.id),
  hash,
  cacheable,
  expectedMs,
});

type Result = Exclude<RunLogEntry, { type: 'started' }>['result'];

/** Hash details, drift and the output of servers may be megabytes, and no report shows them. */
function withoutDetails(entry: RunLogEntry): RunLogEntry {
  if (entry.type === 'started') return entry;
  const { batchLog: _batchLog, ...rest } = entry;
  return rest.type === 'ended'
    ? { ...rest, result: briefly(rest.result) }
    : { ...rest, result: briefly(rest.result) ?? undefined };
}

function briefly(result: Result): NonNullable<Result> | null {
  if (result?.kind !== 'finished') return result ?? null;
  const { servers: _servers, drift: _drift, ...rest } = result;
  return { ...rest, hashDetails: null };
}
