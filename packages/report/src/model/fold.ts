import type {
  AgentInfo,
  AgentRef,
  AttemptResult,
  EndedStatus,
  FinishedAttempt,
  RunLogEntry,
} from '@org/dte-protocol';
import { at } from './at';
import type { PlannedTask, ReportEvent } from './event';
import { newModel, type AttemptModel, type RunModel, type SessionModel, type TaskModel } from './model';
import { placeAttempt } from './place-in-time';

type Of<Type extends ReportEvent['type']> = Extract<ReportEvent, { type: Type }>;

/** Folds events into a model, one after the other; the model can be read in between. */
export class ModelFold {
  private readonly runs = new Map<string, { readonly run: RunModel; readonly index: Map<string, number> }>();
  private readonly agents = new Map<string, number>();

  constructor(readonly model: SessionModel = newModel()) {}

  /** Goes on where another fold has stopped, of which only the model is known. The model is changed, not copied. */
  static resume(model: SessionModel): ModelFold {
    const fold = new ModelFold(model);
    model.agents.forEach(({ agentId }, index) => fold.agents.set(agentId, index));
    for (const run of model.runs)
      fold.runs.set(run.runId, { run, index: new Map(run.tasks.map(({ id }, index) => [id, index])) });
    return fold;
  }

  apply(event: ReportEvent): void {
    const { model } = this;
    switch (event.type) {
      case 'session':
        model.sessionId = event.sessionId;
        model.pipeline = event.pipeline;
        return;
      case 'agents':
        for (const agent of event.agents) this.onAgent(agent, event.atMs);
        return;
      case 'run':
        this.onRun(event);
        return;
      case 'expected':
        for (const [taskId, ms] of event.tasks) {
          const task = this.taskOf(event.runId, taskId);
          if (task !== undefined) task.expectedMs ??= ms;
        }
        return;
      case 'entry':
        this.onEntry(event);
        return;
      case 'ended':
        this.onEnded(event);
        return;
      case 'miss': {
        const task = this.taskOf(event.runId, event.taskId);
        if (task !== undefined) task.miss = event.miss;
        return;
      }
      case 'hit': {
        const task = this.taskOf(event.runId, event.taskId);
        if (task !== undefined) task.origin = event.origin;
        return;
      }
      case 'message':
        model.messages.push({ atMs: event.atMs, reason: event.reason });
        return;
      case 'run.ended':
        this.onRunEnded(event);
        return;
    }
  }

  private onAgent(info: AgentInfo, atMs: number): void {
    const agent = at(this.model.agents, this.agentIndex(info, atMs));
    agent.slots = info.slots;
    if (info.connected) agent.leftMs = null;
    else agent.leftMs ??= atMs;
  }

  private agentIndex({ agentId, name, jobUrl }: AgentRef, atMs: number): number {
    const known = this.agents.get(agentId);
    if (known !== undefined) return known;
    const index = this.model.agents.length;
    this.model.agents.push({ agentId, name, jobUrl, slots: null, joinedMs: atMs, leftMs: null });
    this.agents.set(agentId, index);
    return index;
  }

  private onRun({ runId, command, parallel, atMs, tasks }: Of<'run'>): void {
    const known = this.runs.get(runId);
    if (known !== undefined) {
      addTasks(known.run, known.index, tasks);
      return;
    }
    const index = new Map(tasks.map(({ id }, at) => [id, at]));
    const run: RunModel = {
      runId,
      command,
      parallel,
      startMs: atMs,
      endMs: null,
      ok: null,
      tasks: tasks.map((task) => taskModel(task, index)),
    };
    this.runs.set(runId, { run, index });
    this.model.runs.push(run);
  }

  private taskOf(runId: string, taskId: string): TaskModel | undefined {
    const known = this.runs.get(runId);
    return known?.run.tasks[known.index.get(taskId) ?? -1];
  }

  private onEntry({ runId, atMs, entry }: Of<'entry'>): void {
    const task = this.taskOf(runId, entry.taskId);
    if (task === undefined) return;
    if (entry.type === 'started') {
      const attempt = this.attemptOf(task, entry, entry.assignedMs ?? entry.atMs);
      if (entry.second === true) attempt.second = true;
      if (task.status === 'waiting') task.status = 'running';
      return;
    }
    const result = finishedOf(entry);
    if (entry.agent !== null && entry.attempt !== null) {
      const attempt = this.attemptOf(task, { attempt: entry.attempt, agent: entry.agent }, atMs);
      closeAttempt(attempt, entry, result, atMs);
      if (entry.type === 'ended') putLast(task.attempts, attempt);
    }
    if (entry.type === 'ended') {
      task.reason = entry.reason ?? result?.reason ?? null;
      if (result?.fromCache != null) task.from = result.fromCache === 'local-cache' ? 'local' : 'remote';
      task.flaky = entry.status === 'success' && task.attempts.some(({ outcome }) => outcome === 'failure');
      // The main job has the last word: see `onEnded`. It may have been stopped before it said it.
      if (task.status === 'waiting' || task.status === 'running') task.status = AFTER[entry.status];
      task.code ??= result?.code ?? null;
    }
  }

  /** An `ended` entry may come without its `started`: the log is read in blocks. */
  private attemptOf(task: TaskModel, { attempt, agent }: StartedBy, atMs: number): AttemptModel {
    const known = task.attempts.find(({ number }) => number === attempt);
    if (known !== undefined) return known;
    const model: AttemptModel = {
      number: attempt,
      agent: this.agentIndex(agent, atMs),
      assignedMs: atMs,
      startMs: null,
      endMs: null,
      outcome: 'running',
      code: null,
      reason: null,
      measured: null,
      acceptedMs: null,
      reportMs: null,
    };
    task.attempts.push(model);
    return model;
  }

  private onEnded({
    runId,
    taskId,
    atMs,
    status,
    code,
    from,
    here,
    startMs,
    endMs,
    output,
  }: Of<'ended'>): void {
    const task = this.taskOf(runId, taskId);
    if (task === undefined) return;
    task.status = status;
    task.code = code;
    // For a result that an agent had in its cache, the main job sees its own.
    if (from !== null) task.from ??= from;
    // It could not be used, and the task ran.
    if (task.from === null) task.origin = null;
    task.doneMs = atMs;
    task.output = output;
    if (!here || startMs === null || from !== null) return;
    // Told twice: whoever forwards it does not always know that it has arrived.
    if (task.attempts.some(({ agent, startMs: known }) => agent === null && known === startMs)) return;
    task.attempts.push({
      number: 0,
      agent: null,
      assignedMs: startMs,
      startMs,
      endMs: endMs ?? atMs,
      outcome: status === 'success' || status === 'failure' ? status : 'stopped',
      code,
      reason: null,
      measured: null,
      acceptedMs: null,
      reportMs: null,
    });
  }

  private onRunEnded({ runId, atMs, ok }: Of<'run.ended'>): void {
    const known = this.runs.get(runId);
    if (known === undefined) return;
    known.run.endMs = atMs;
    known.run.ok = ok;
    for (const task of known.run.tasks)
      if (task.status === 'waiting' || task.status === 'running') task.status = 'stopped';
  }
}

/** What becomes of a task for which an agent's part is over. */
const AFTER = {
  success: 'success',
  failure: 'failure',
  skipped: 'skipped',
  cancelled: 'stopped',
  returned: 'waiting',
} as const satisfies Record<EndedStatus, TaskModel['status']>;

/**
 * A run may be told twice: by the coordinator, which knows what agents are to do, and by the main job, which knows all of it. What
 * is known of a task stays.
 */
function addTasks(run: RunModel, index: Map<string, number>, tasks: readonly PlannedTask[]): void {
  const added = tasks.filter(({ id }) => !index.has(id));
  for (const { id } of added) index.set(id, index.size);
  for (const task of added) run.tasks.push(taskModel(task, index));
  for (const { id, dependencies, expectedMs } of tasks) {
    const task = at(run.tasks, index.get(id) ?? -1);
    task.expectedMs ??= expectedMs;
    const known = task.dependencies;
    for (const name of dependencies) {
      const dependency = index.get(name);
      if (dependency !== undefined && !known.includes(dependency)) known.push(dependency);
    }
  }
}

interface StartedBy {
  readonly attempt: number;
  readonly agent: AgentRef;
}

type Over = Exclude<RunLogEntry, { type: 'started' }>;

const taskModel = (
  { id, project, target, configuration, dependencies, hash, cacheable, expectedMs }: PlannedTask,
  index: ReadonlyMap<string, number>,
): TaskModel => ({
  id,
  project,
  target,
  configuration,
  dependencies: dependencies.map((name) => index.get(name)).filter((at) => at !== undefined),
  hash,
  cacheable,
  status: 'waiting',
  code: null,
  from: null,
  origin: null,
  miss: null,
  expectedMs,
  flaky: false,
  attempts: [],
  doneMs: null,
  output: null,
  reason: null,
});

/** The result of the task itself, also if it was part of a batch. */
function finishedOf({ result, taskId }: Over): FinishedAttempt | null {
  const found: AttemptResult | null = result ?? null;
  if (found?.kind === 'finished') return found;
  if (found?.kind === 'batch') return found.members.find((each) => each.taskId === taskId)?.result ?? null;
  return null;
}

function closeAttempt(
  attempt: AttemptModel,
  entry: Over,
  result: FinishedAttempt | null,
  atMs: number,
): void {
  // The end of a task may name an attempt that had ended before it, when nothing new may start.
  if (attempt.outcome !== 'running') return;
  attempt.reason = result?.reason ?? entry.reason ?? null;
  if (result === null) {
    const isStopped = entry.type === 'ended' ? entry.status === 'cancelled' : isOutrun(entry);
    attempt.outcome = isStopped ? 'stopped' : 'lost';
    attempt.endMs = entry.atMs ?? atMs;
    return;
  }
  attempt.outcome = result.status;
  attempt.code = result.code;
  attempt.measured = result.measured ?? null;
  const { startMs, endMs, reportMs } = placeAttempt(result, attempt.assignedMs, entry.atMs ?? atMs);
  attempt.startMs = startMs;
  attempt.endMs = endMs;
  // Without the coordinator's own moment, the way to the main job would be in it.
  if (entry.atMs === undefined) return;
  attempt.acceptedMs = entry.atMs;
  // The results of a batch wait for one another.
  if (result.measured?.batched !== true) attempt.reportMs = reportMs;
}

const isOutrun = ({ reason }: Over): boolean => reason?.code === 'DTE_SECOND_START';

/** Of two attempts at the same time, the earlier one may have had the result that counts. */
function putLast(attempts: AttemptModel[], attempt: AttemptModel): void {
  if (attempts.at(-1) === attempt) return;
  attempts.splice(attempts.indexOf(attempt), 1);
  attempts.push(attempt);
}

/** The model of these events. */
export function foldEvents(events: Iterable<ReportEvent>): SessionModel {
  const fold = new ModelFold();
  for (const event of events) fold.apply(event);
  return fold.model;
}
