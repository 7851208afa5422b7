import type { AgentInfo, CacheOrigin, Measured, RunLogEntry } from '@org/dte-protocol';
import type { PlannedTask, ReportEvent } from '../model/event';

/** When the examples begin. */
export const T0 = 1_700_000_000_000;

export const agent = (name: string, overrides: Partial<AgentInfo> = {}): AgentInfo => ({
  agentId: name,
  name,
  jobUrl: null,
  slots: 2,
  connected: true,
  draining: false,
  running: [],
  finished: 0,
  ...overrides,
});

const refOf = (name: string) => ({ agentId: name, name, jobUrl: null });

export const planned = (id: string, dependencies: string[] = []): PlannedTask => {
  const [project = '', target = ''] = id.split(':');
  return {
    id,
    project,
    target,
    configuration: null,
    dependencies,
    hash: `hash of ${id}`,
    cacheable: true,
    expectedMs: null,
  };
};

/** Writes the events of one run, at times in seconds after `T0`. */
export class Story {
  readonly events: ReportEvent[] = [];
  private seq = 0;

  constructor(private readonly runId = 'r1') {}

  private atMs(second: number): number {
    return T0 + second * 1000;
  }

  agents(second: number, ...agents: AgentInfo[]): this {
    this.events.push({ type: 'agents', atMs: this.atMs(second), agents });
    return this;
  }

  run(second: number, tasks: PlannedTask[], command = 'nx affected -t build,test'): this {
    const { runId } = this;
    this.events.push({
      type: 'run',
      atMs: this.atMs(second),
      runId,
      command,
      parallel: 2,
      tasks,
    });
    return this;
  }

  entry(second: number, entry: RunLogEntry): this {
    this.events.push({ type: 'entry', atMs: this.atMs(second), runId: this.runId, entry });
    return this;
  }

  /** An attempt from its beginning to its end, and what the main job made of it. `from` and `to` are those of the task itself. */
  attempt(task: string, on: string, [from, to]: [number, number], how: How = {}): this {
    const { attempt = 1, status = 'success', retried = false, output = null, measured, doneAfter = 0 } = how;
    const { assigned = from, accepted = to } = how;
    const result = {
      kind: 'finished' as const,
      status,
      code: status === 'success' ? 0 : 1,
      fromCache: null,
      hash: `hash of ${task}`,
      artifact: { kind: 'none' as const },
      startMs: this.atMs(from),
      endMs: this.atMs(to),
      reason: null,
      hashDetails: null,
      measured,
    };
    this.begin(task, on, from, { attempt, assigned });
    const atMs = this.atMs(accepted);
    const common = { seq: (this.seq += 1), taskId: task, attempt, agent: refOf(on), atMs };
    if (retried) {
      const reason = { code: 'DTE_TASK_FAILED' as const, message: 'it failed' };
      return this.entry(accepted, { ...common, type: 'retried', reason, result });
    }
    this.entry(accepted, { ...common, type: 'ended', status, result, reason: null });
    return this.ended(task, accepted + doneAfter, { status, output });
  }

  begin(
    task: string,
    on: string,
    second: number,
    how: { attempt?: number; assigned?: number; second?: true } = {},
  ): this {
    const seq = (this.seq += 1);
    const { attempt = 1, assigned = second } = how;
    const isSecond = how.second === undefined ? {} : { second: how.second };
    const times = { atMs: this.atMs(second), assignedMs: this.atMs(assigned) };
    const started = { seq, type: 'started', taskId: task, attempt, agent: refOf(on) } as const;
    return this.entry(second, { ...started, ...times, ...isSecond });
  }

  ended(taskId: string, second: number, how: Partial<Extract<ReportEvent, { type: 'ended' }>> = {}): this {
    this.events.push({
      type: 'ended',
      atMs: this.atMs(second),
      runId: this.runId,
      taskId,
      status: 'success',
      code: how.status === 'failure' ? 1 : 0,
      from: null,
      here: false,
      startMs: null,
      endMs: null,
      output: null,
      ...how,
    });
    return this;
  }

  /** It was not cached, because these inputs differ. */
  miss(taskId: string, ...inputs: string[]): this {
    const { runId } = this;
    const miss = { kind: 'changed' as const, text: inputs.join('; '), inputs };
    this.events.push({ type: 'miss', atMs: this.atMs(0), runId, taskId, miss });
    return this;
  }

  /** Another pipeline has made its result. */
  hit(taskId: string, origin: CacheOrigin): this {
    this.events.push({ type: 'hit', atMs: this.atMs(0), runId: this.runId, taskId, origin });
    return this;
  }

  over(second: number, ok = true): this {
    this.events.push({ type: 'run.ended', atMs: this.atMs(second), runId: this.runId, ok });
    return this;
  }
}

interface How {
  readonly attempt?: number;
  readonly status?: 'success' | 'failure';
  readonly retried?: boolean;
  readonly output?: string | null;
  readonly measured?: Measured;
  /** When the coordinator assigned it and accepted its result; else when the task began and ended. */
  readonly assigned?: number;
  readonly accepted?: number;
  /** Seconds until its outputs were on the main job. */
  readonly doneAfter?: number;
}

/** What an agent measured, in seconds. */
export const measuredOf = (
  seconds: Partial<Record<'queued' | 'restore' | 'wait' | 'run' | 'store', number>>,
  rest: Partial<Measured> = {},
): Measured => ({
  queuedMs: (seconds.queued ?? 0) * 1000,
  restoreMs: (seconds.restore ?? 0) * 1000,
  waitMs: (seconds.wait ?? 0) * 1000,
  runMs: (seconds.run ?? 0) * 1000,
  storeMs: (seconds.store ?? 0) * 1000,
  cpuMs: null,
  peakMemoryBytes: null,
  restoredBytes: 0,
  storedBytes: 0,
  ...rest,
});
