import type { Assignment, FinishedAttempt, TaskSpec } from '@org/dte-protocol';
import type { Effects, HistoryEvent, Input, SchedulerState } from '@org/dte-scheduler';
import { checkClosure } from './check-closure';
import { checkCounters, isServing } from './check-counters';
import { checkReleased, checkWidths } from './check-release';
import { LiveAttempts } from './check-rivals';
import { demand } from './demand';
import { edgesOf, entryOf, SessionRecord } from './session-record';
import type { Deeds } from './simulated-agent';

type Event<T extends HistoryEvent['type']> = Extract<HistoryEvent, { type: T }>;

type AgentsByTask = Map<string, Set<string>>;

function noteAgent(
  agents: AgentsByTask,
  { runId, taskId, agentId }: Event<'task.retried'> | Event<'task.lost'>,
): void {
  const key = `${runId}/${taskId}`;
  agents.set(key, (agents.get(key) ?? new Set()).add(agentId));
}

/** Observes every step of a scheduler and compares it with what the agents really did. */
/** Of a task; as in the scheduler. */
const MAX_RECALLS = 2;

export class Checkers {
  readonly #record: SessionRecord;
  readonly #live: LiveAttempts;
  readonly #retried = new Map<string, number>();
  readonly #recalled = new Map<string, number>();
  /** `run/task#attempt` -> the agent on which the attempt failed and was to be retried. */
  readonly #failedBefore = new Map<string, FinishedAttempt>();
  /** `run/task` -> agents on which it failed and was to be retried. */
  readonly #failedOn: AgentsByTask = new Map();
  /** `run/task` -> agents on which an attempt was lost, started or not. */
  readonly #lostOn: AgentsByTask = new Map();

  /** How many agents were released before the end. */
  released = 0;

  constructor(deeds: Deeds) {
    this.#record = new SessionRecord(deeds);
    this.#live = new LiveAttempts(this.#record);
  }

  /** How many tasks were started a second time while they ran. */
  get secondStarts(): number {
    return this.#live.seconds;
  }

  readonly check = (state: SchedulerState, input: Input, effects: Effects): void => {
    if (input.type === 'run.submit') this.#record.learn(input);
    // The consequences of a dead server are reported before the end of the task that detected it.
    for (const event of effects.events)
      if (event.type === 'task.ended' && event.attempt !== null) this.#noteServers(event);
    for (const event of effects.events) {
      if (event.type === 'task.retried') noteAgent(this.#failedOn, event);
      if (event.type === 'task.lost') noteAgent(this.#lostOn, event);
      if (event.type === 'task.lost' || event.type === 'task.outrun') this.#live.over(event);
      if (event.type === 'task.recalled') {
        this.#live.over(event);
        this.#onRecalled(event);
      }
      if (event.type === 'task.assigned') this.#onAssigned(state, event, effects);
      if (event.type === 'task.retried') this.#onRetried(event);
      if (event.type === 'task.ended') this.#onEnded(state, input, event);
      if (event.type === 'run.ended') this.#onRunEnded(event);
    }
    for (const event of effects.events) if (event.type === 'agent.released') this.#onReleased(state, event);
    checkCounters(state);
    this.#live.check(state);
    demand(
      effects.wakeAtMs === null || effects.wakeAtMs >= state.nowMs,
      'a step asks to be woken in the past',
    );
  };

  #onReleased(state: SchedulerState, event: Event<'agent.released'>): void {
    this.released++;
    checkReleased(state, this.#record, event);
    checkWidths(state, this.#record);
  }

  statusOf(runId: string, taskId: string): string | undefined {
    return this.#record.ended.get(`${runId}/${taskId}`);
  }

  #onAssigned(state: SchedulerState, event: Event<'task.assigned'>, effects: Effects): void {
    const { runId, taskId, attempt, agentId } = event;
    const key = `${runId}/${taskId}`;
    demand(!this.#record.ended.has(key), `${key} is assigned after its end`);
    this.#live.assigned(state, event);
    const before = this.#record.assigned.get(key)?.attempt ?? 0;
    demand(attempt === before + 1, `attempt ${attempt} of ${key} follows attempt ${before}`);
    const assignment = assignmentTo(effects, event);
    this.#record.noteAssigned(key, { attempt, agentId, called: assignment.taskId });
    const agent = state.agents.get(agentId)!;
    demand(isServing(agent), `${agentId} is given work though it cannot take any`);
    demand(agent.onlyRun === null || agent.onlyRun === runId, `${agentId} is given ${key} of another run`);
    demand(
      this.#record.task(runId, taskId).initial.state === 'pending',
      `${key} is assigned, which is not to be run`,
    );
    this.#checkElsewhere(state, event);
    const spec = this.#record.specs.get(runId)!;
    demand(
      !(this.#record.failed.has(runId) && spec.nxBail),
      `${key} starts after a failure, despite --nxBail`,
    );
    this.#checkRoom(state, event);
    checkClosure(this.#record, assignment);
  }

  #noteServers({ runId, taskId, attempt }: Event<'task.ended'>): void {
    for (const server of this.#record.deed(runId, taskId, attempt)?.servers ?? []) {
      if (!server.failed) continue;
      this.#record.deadServers.add(`${runId}/${server.taskId}`);
      this.#record.failed.add(runId);
    }
  }

  /** A task that failed on an agent is not retried there while another agent may take it. */
  #checkElsewhere(state: SchedulerState, { runId, taskId, agentId }: Event<'task.assigned'>): void {
    const key = `${runId}/${taskId}`;
    const failedOn = this.#failedOn.get(key);
    // The outcome of a batch applies to all of its tasks.
    if (failedOn?.has(agentId) !== true || this.#record.task(runId, taskId).batch !== undefined) return;
    const other = [...state.agents.values()].find(
      (agent) =>
        isServing(agent) &&
        agent.faults < state.config.attemptsPerTask &&
        (agent.onlyRun === null || agent.onlyRun === runId) &&
        !failedOn.has(agent.agentId) &&
        this.#lostOn.get(key)?.has(agent.agentId) !== true &&
        this.#record.entryFor(runId, taskId, agent) !== undefined,
    );
    demand(other === undefined, `${taskId} is tried again on ${agentId} and not on ${other?.agentId ?? ''}`);
  }

  #checkRoom(state: SchedulerState, { runId, taskId, agentId }: Event<'task.assigned'>): void {
    const agent = state.agents.get(agentId)!;
    const leases = [...agent.leases];
    const openParallel = [...state.openRuns].map((id) => this.#record.specs.get(id)!.parallel);
    const byRules = [...state.openRuns].flatMap((id) =>
      (this.#record.specs.get(id)!.placements ?? []).map(
        ({ runOn }) => entryOf(runOn, agent)?.parallelism ?? 0,
      ),
    );
    const slots = agent.slots ?? Math.max(...openParallel, ...byRules);
    demand(leases.length <= slots, `${agentId} has ${leases.length} leases and ${slots} slots`);
    const alone = leases.some((lease) => !lease.assignment.parallelism);
    demand(!alone || leases.length === 1, `${taskId} shares ${agentId} with a task that must be alone`);
    for (const lease of leases) {
      const entry = this.#record.entryFor(lease.runId, lease.assignment.taskId, agent);
      demand(entry !== undefined, `${agentId} has ${taskId}, which a rule sends elsewhere`);
      const cap = entry?.parallelism ?? Infinity;
      demand(leases.length <= cap, `${agentId} has ${leases.length} leases beside a task with ${cap}`);
    }
    const sameRun = leases.filter(
      (lease) =>
        lease.runId === runId &&
        typeof this.#record.entryFor(runId, lease.assignment.taskId, agent)?.parallelism !== 'number',
    ).length;
    const { parallel } = this.#record.specs.get(runId)!;
    demand(
      agent.slots !== null || sameRun <= parallel,
      `${runId} runs ${sameRun} tasks at a time on ${agentId}`,
    );
  }

  /** How often a failure of the task is to be retried. */
  #retriesOf(runId: string, taskId: string): number {
    const { retries = 0, flakiness } = this.#record.task(runId, taskId);
    return Math.max(retries, flakiness === 'retry' && this.#record.flaky.has(`${runId}/${taskId}`) ? 1 : 0);
  }

  /** Nothing is taken back that its agent may have run, and nothing wanders from agent to agent. */
  #onRecalled({ runId, taskId, attempt, agentId }: Event<'task.recalled'>): void {
    const key = `${runId}/${taskId}`;
    demand(this.#record.assigned.get(key)?.attempt === attempt, `${key}#${attempt} is taken back too late`);
    const count = (this.#recalled.get(key) ?? 0) + 1;
    this.#recalled.set(key, count);
    demand(count <= MAX_RECALLS, `${key} is taken back ${count} times, now from ${agentId}`);
  }

  #onRetried({ runId, taskId, attempt }: Event<'task.retried'>): void {
    const key = `${runId}/${taskId}`;
    const done = this.#record.deed(runId, taskId, attempt);
    demand(
      done?.status === 'failure' && done.reason?.code !== 'DTE_HASH_MISMATCH',
      `${key} is tried again, and had not failed`,
    );
    this.#failedBefore.set(`${key}#${attempt}`, done);
    // The tasks of a batch are settled one by one: those that are retried are still of it.
    this.#live.settled({ runId, taskId, attempt });
    const count = (this.#retried.get(key) ?? 0) + 1;
    this.#retried.set(key, count);
    demand(count <= this.#retriesOf(runId, taskId), `${key} is tried again ${count} times`);
  }

  #onEnded(
    state: SchedulerState,
    input: Input,
    { runId, taskId, status, attempt }: Event<'task.ended'>,
  ): void {
    const key = `${runId}/${taskId}`;
    demand(!this.#record.ended.has(key), `${key} ended twice`);
    const isLive = attempt !== null && this.#live.has(runId, taskId, attempt);
    this.#live.settled({ runId, taskId, attempt: isLive ? attempt : null });
    this.#record.ended.set(key, status);
    const { initial } = this.#record.task(runId, taskId);
    demand(initial.state === 'pending' || initial.state === 'noop', `${key} was not to be run and ends`);
    if (status === 'failure') {
      if (attempt !== null && !this.#record.hasDrift(runId, taskId, attempt))
        this.#checkRetries(state, runId, taskId);
      this.#record.failed.add(runId);
    }
    if (attempt === null) {
      if (status === 'failure') this.#checkLonely(state, input, runId, taskId);
      demand(status !== 'success' || initial.state === 'noop', `${key} succeeded without an attempt`);
      const why =
        edgesOf(this.#record.task(runId, taskId)).some(({ id }) => this.#record.isBroken(runId, id)) ||
        this.#record.failed.has(runId) ||
        this.#record.deed(runId, taskId) === null;
      demand(status !== 'skipped' || why, `${key} is skipped without a failure`);
      return;
    }
    // A task that was to be retried but may not start any more ends with its earlier failure.
    const earlier = this.#failedBefore.get(`${key}#${attempt}`);
    const isBailed = state.runs.get(runId)?.bailed === true;
    demand(
      isLive || (isBailed && earlier !== undefined),
      `${key} ended by attempt ${attempt}, which is not live`,
    );
    const done = earlier ?? this.#record.deed(runId, taskId, attempt);
    // Of the last attempt, which may have met another hash and been lost before anyone heard of it: then the earlier failure counts.
    const returns =
      earlier === undefined &&
      this.#record.specs.get(runId)?.onHashMismatch === 'run-on-main' &&
      this.#record.hasDrift(runId, taskId, attempt);
    demand(
      done != null && status === (returns ? 'returned' : done.status),
      `${key} ended as ${status}, which its agent never said`,
    );
    this.#record.artifacts.set(key, JSON.stringify({ hash: done.hash, artifact: done.artifact }));
  }

  #checkRetries(state: SchedulerState, runId: string, taskId: string): void {
    const key = `${runId}/${taskId}`;
    const isBailed = state.runs.get(runId)?.bailed === true;
    const usedUp = this.#retried.get(key) === this.#retriesOf(runId, taskId);
    demand(isBailed || usedUp || this.#retriesOf(runId, taskId) === 0, `${key} failed with retries left`);
  }

  /** Only a rule fails a task that no agent has run: if there are agents but none matches. */
  #checkLonely(state: SchedulerState, input: Input, runId: string, taskId: string): void {
    const { placement } = this.#record.task(runId, taskId);
    demand(placement !== undefined, `${runId}/${taskId} failed without an attempt`);
    // A step expires waits before it applies its input: an agent that joins with this input was not there yet.
    const came = input.type === 'agent.joined' ? input.agent.agentId : null;
    const there = [...state.agents.values()].filter(
      (agent) => isServing(agent) && agent.agentId !== came && agent.onlyRun === null,
    );
    const fitting = there.filter((agent) => this.#record.entryFor(runId, taskId, agent) !== undefined);
    const isLeaving = input.type.startsWith('agent.');
    demand(isLeaving || there.length > 0, `${runId}/${taskId} failed though nobody is there`);
    demand(fitting.length === 0, `${runId}/${taskId} failed although there is an agent for it`);
  }

  #onRunEnded({ runId }: Event<'run.ended'>): void {
    const open = this.#record.specs
      .get(runId)!
      .tasks.filter(({ id, initial }) => isToEnd(initial.state) && !this.#record.ended.has(`${runId}/${id}`));
    demand(open.length === 0, `${runId} ended before ${open.map(({ id }) => id).join()}`);
  }
}

const isToEnd = (initial: TaskSpec['initial']['state']): boolean =>
  initial === 'pending' || initial === 'noop';

function assignmentTo(
  effects: Effects,
  { runId, taskId, attempt, agentId }: Event<'task.assigned'>,
): Assignment {
  for (const outgoing of effects.send) {
    if (outgoing.to !== 'agent' || outgoing.agentId !== agentId) continue;
    const found = outgoing.message.assignments.find(
      (each) =>
        each.runId === runId &&
        each.attempt === attempt &&
        (each.taskId === taskId || each.members?.some((member) => member.taskId === taskId) === true),
    );
    if (found !== undefined) return found;
  }
  throw new Error(`Checker: ${agentId} is not told of ${runId}/${taskId}#${attempt}`);
}
