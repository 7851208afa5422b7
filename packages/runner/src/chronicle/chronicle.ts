import {
  observeEndings,
  type NxLifeCycle,
  type NxStatuses,
  type NxTaskResult,
  type NxTaskStatus,
  type TaskGraph,
} from '@org/dte-nx-compat';
import type { CacheOrigin, DteError, RunLogEntry, SessionInfo } from '@org/dte-protocol';
import type { CacheSource, Miss, ReportEvent, TaskStatus } from '@org/dte-report';
import type { CommandVoice } from '../report/say';

/** Characters of a failed task's output in the report: its end, where the error usually is. */
const OUTPUT_CHARS = 16_384;

const ENDINGS: Readonly<Record<NxTaskStatus, TaskStatus>> = {
  success: 'success',
  'local-cache': 'success',
  'local-cache-kept-existing': 'success',
  'remote-cache': 'success',
  failure: 'failure',
  skipped: 'skipped',
  stopped: 'stopped',
};

const SOURCES: Readonly<Partial<Record<NxTaskStatus, CacheSource>>> = {
  'local-cache': 'local',
  'local-cache-kept-existing': 'local',
  'remote-cache': 'remote',
};

interface ChronicleOptions {
  readonly runId: string;
  readonly graph: TaskGraph;
  readonly file: { write(event: ReportEvent): void };
  readonly now?: () => number;
}

/** Writes down what happens in one nx command, for the reports. What it does never changes the command. */
export class Chronicle {
  /** Tasks whose result an agent reported. */
  private readonly byAgents = new Set<string>();
  private readonly told = new Set<string>();
  /** Task -> the agent whose result applies. */
  private readonly places = new Map<string, string>();
  private readonly now: () => number;
  private members = '';
  private agents: SessionInfo['agents'] = [];

  constructor(private readonly options: ChronicleOptions) {
    this.now = options.now ?? Date.now;
  }

  begin(command: { readonly text: string; readonly parallel: number }, lifeCycle: NxLifeCycle): void {
    const { runId, graph, file } = this.options;
    const tasks = Object.values(graph.tasks).map(({ id, target, hash, cache }) => ({
      id,
      project: target.project,
      target: target.target,
      configuration: target.configuration ?? null,
      dependencies: (graph.dependencies[id] ?? []).map((edge) => edge.id),
      hash: hash ?? null,
      cacheable: cache === true,
      expectedMs: null,
    }));
    const { text, parallel } = command;
    file.write({ type: 'run', atMs: this.now(), runId, command: text, parallel, tasks });
    observeEndings(lifeCycle, (result) => this.ended(result));
  }

  entry(entry: RunLogEntry): void {
    const { runId, file } = this.options;
    if (entry.type === 'ended' && entry.attempt !== null && entry.status !== 'returned') {
      this.byAgents.add(entry.taskId);
      if (entry.agent !== null) this.places.set(entry.taskId, entry.agent.name);
    }
    file.write({ type: 'entry', atMs: this.now(), runId, entry: withoutHashDetails(entry) });
  }

  /** How long tasks are expected to run, by id, in ms: known when the coordinator has accepted the command. */
  expected(expectedMs: ReadonlyMap<string, number>): void {
    const { runId, file } = this.options;
    if (expectedMs.size > 0)
      file.write({ type: 'expected', atMs: this.now(), runId, tasks: [...expectedMs] });
  }

  /** The name of the agent that ran this task; null: this job ran it, so far as is known. */
  placeOf(taskId: string): string | null {
    // A second result is from this job.
    return this.told.has(taskId) ? null : (this.places.get(taskId) ?? null);
  }

  /** Only changes of who is there: what each agent runs is in the entries. */
  session({ agents }: SessionInfo): void {
    const members = JSON.stringify(
      agents.map(({ agentId, connected, slots }) => [agentId, connected, slots]),
    );
    if (members === this.members) return;
    this.members = members;
    const here = new Set(agents.map(({ agentId }) => agentId));
    // An agent that has left is not in the list any more.
    const gone = this.agents.filter(({ agentId }) => !here.has(agentId));
    this.agents = agents;
    const left = gone.map((agent) => ({ ...agent, connected: false }));
    this.options.file.write({ type: 'agents', atMs: this.now(), agents: [...agents, ...left] });
  }

  /** The same voice; what it explains becomes part of the report. */
  hearing(voice: CommandVoice): CommandVoice {
    return {
      line: (text) => voice.line(text),
      progress: (text) => voice.progress(text),
      follows: (output) => voice.follows(output),
      explain: (error) => {
        this.message(error);
        voice.explain(error);
      },
    };
  }

  /** Call it when the command is over, with what is returned to Nx. */
  over(statuses: NxStatuses): void {
    const { runId, file } = this.options;
    for (const [taskId, status] of Object.entries(statuses)) {
      // Nx is not told of each task that never ran.
      if (!this.told.has(taskId))
        this.end({ taskId, status, code: null, startMs: null, endMs: null, output: null });
    }
    const ok = Object.values(statuses).every((status) => ENDINGS[status] === 'success');
    file.write({ type: 'run.ended', atMs: this.now(), runId, ok });
  }

  /** Why no cache had the result of a task. */
  miss(taskId: string, miss: Miss): void {
    const { runId, file } = this.options;
    file.write({ type: 'miss', atMs: this.now(), runId, taskId, miss });
  }

  /** Which other pipeline has made the result of a task. */
  hit(taskId: string, origin: CacheOrigin): void {
    const { runId, file } = this.options;
    file.write({ type: 'hit', atMs: this.now(), runId, taskId, origin });
  }

  private message({ code, message }: DteError): void {
    this.options.file.write({ type: 'message', atMs: this.now(), reason: { code, message } });
  }

  private ended({ task, status, code, terminalOutput }: NxTaskResult): void {
    const { id: taskId, startTime, endTime } = task;
    const output = status === 'failure' ? (terminalOutput ?? '').slice(-OUTPUT_CHARS) : null;
    this.end({ taskId, status, code, startMs: startTime ?? null, endMs: endTime ?? null, output });
  }

  private end({ taskId, status, ...rest }: Ended): void {
    const { runId, file } = this.options;
    const from = SOURCES[status] ?? null;
    // A second result is from this job: it ran the task again, because its outputs were lost.
    const here = !this.byAgents.has(taskId) || this.told.has(taskId);
    this.told.add(taskId);
    file.write({
      type: 'ended',
      atMs: this.now(),
      runId,
      taskId,
      status: ENDINGS[status],
      from,
      here,
      ...rest,
    });
  }
}

/** Hundreds of inputs for each task, which no report shows. */
function withoutHashDetails(entry: RunLogEntry): RunLogEntry {
  if (entry.type === 'started' || entry.result?.kind !== 'finished') return entry;
  return { ...entry, result: { ...entry.result, hashDetails: null } };
}

interface Ended {
  readonly taskId: string;
  readonly status: NxTaskStatus;
  readonly code: number | null;
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly output: string | null;
}
