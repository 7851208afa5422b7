import type { Assignment, FinishedAttempt, RunOn, RunSpec, TaskSpec } from '@org/dte-protocol';
import type { Effects, HistoryEvent, Input, SchedulerState } from '@org/dte-scheduler';
import { type Deeds, deedKey } from './simulated-agent';

type Agent = SchedulerState['agents'] extends Map<string, infer A> ? A : never;
type Event<T extends HistoryEvent['type']> = Extract<HistoryEvent, { type: T }>;

type AgentsByTask = Map<string, Set<string>>;

function noteAgent(
  agents: AgentsByTask,
  { runId, taskId, agentId }: Event<'task.retried'> | Event<'task.lost'>,
): void {
  const key = `${runId}/${taskId}`;
  agents.set(key, (agents.get(key) ?? new Set()).add(agentId));
}

function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`Checker: ${what}`);
}

/** Watches every step of a scheduler from outside and compares it with what the agents really did. */
export class Checkers {
  readonly #tasks = new Map<string, Map<string, TaskSpec>>();
  readonly #specs = new Map<string, RunSpec>();
  readonly #ended = new Map<string, string>();
  /** With the task that the attempt goes by: for a batch its first. */
  readonly #assigned = new Map<string, { attempt: number; agentId: string; called: string }>();
  readonly #artifacts = new Map<string, string>();
  readonly #retried = new Map<string, number>();
  /** `run/task#attempt` -> the agent on which that failed, and was to be tried again. */
  readonly #failedBefore = new Map<string, FinishedAttempt>();
  #flaky = new Set<string>();
  #failed = new Set<string>();
  /** `run/server` that a task found dead. */
  readonly #deadServers = new Set<string>();
  /** `run/task` -> agents on which it failed and was to be tried again. */
  readonly #failedOn: AgentsByTask = new Map();
  /** `run/task` -> agents on which an attempt was lost, begun or not. */
  readonly #lostOn: AgentsByTask = new Map();

  constructor(private readonly deeds: Deeds) {}

  readonly check = (state: SchedulerState, input: Input, effects: Effects): void => {
    if (input.type === 'run.submit') this.#learn(input.spec, input.flaky ?? []);
    // The consequences of a dead server are said before the end of the task that found it dead.
    for (const event of effects.events)
      if (event.type === 'task.ended' && event.attempt !== null) this.#noteServers(event);
    for (const event of effects.events) {
      if (event.type === 'task.retried') noteAgent(this.#failedOn, event);
      if (event.type === 'task.lost') noteAgent(this.#lostOn, event);
      if (event.type === 'task.assigned') this.#onAssigned(state, event, effects);
      if (event.type === 'task.retried') this.#onRetried(event);
      if (event.type === 'task.ended') this.#onEnded(state, input, event);
      if (event.type === 'run.ended') this.#onRunEnded(event);
    }
    checkCounters(state);
    demand(
      effects.wakeAtMs === null || effects.wakeAtMs >= state.nowMs,
      'a step asks to be woken in the past',
    );
  };

  statusOf(runId: string, taskId: string): string | undefined {
    return this.#ended.get(`${runId}/${taskId}`);
  }

  #learn(spec: RunSpec, flaky: readonly string[]): void {
    if (!this.#specs.has(spec.runId)) for (const id of flaky) this.#flaky.add(`${spec.runId}/${id}`);
    this.#specs.set(spec.runId, spec);
    this.#tasks.set(spec.runId, new Map(spec.tasks.map((task) => [task.id, task])));
  }

  #task(runId: string, taskId: string): TaskSpec {
    return this.#tasks.get(runId)!.get(taskId)!;
  }

  #onAssigned(state: SchedulerState, event: Event<'task.assigned'>, effects: Effects): void {
    const { runId, taskId, attempt, agentId } = event;
    const key = `${runId}/${taskId}`;
    demand(!this.#ended.has(key), `${key} is assigned after its end`);
    const before = this.#assigned.get(key)?.attempt ?? 0;
    demand(attempt === before + 1, `attempt ${attempt} of ${key} follows attempt ${before}`);
    const assignment = assignmentTo(effects, event);
    this.#assigned.set(key, { attempt, agentId, called: assignment.taskId });
    const agent = state.agents.get(agentId)!;
    demand(agent.connected && !agent.draining, `${agentId} is given work though it cannot take any`);
    demand(agent.onlyRun === null || agent.onlyRun === runId, `${agentId} is given ${key} of another run`);
    demand(
      this.#task(runId, taskId).initial.state === 'pending',
      `${key} is assigned, which is not to be run`,
    );
    this.#checkElsewhere(state, event);
    const spec = this.#specs.get(runId)!;
    demand(!(this.#failed.has(runId) && spec.nxBail), `${key} starts after a failure, despite --nxBail`);
    this.#checkRoom(state, event);
    this.#checkClosure(assignment);
  }

  #noteServers({ runId, taskId }: Event<'task.ended'>): void {
    for (const server of this.#deed(runId, taskId)?.servers ?? []) {
      if (!server.failed) continue;
      this.#deadServers.add(`${runId}/${server.taskId}`);
      this.#failed.add(runId);
    }
  }

  /** What failed on an agent is not tried again there while another one may take it. */
  #checkElsewhere(state: SchedulerState, { runId, taskId, agentId }: Event<'task.assigned'>): void {
    const key = `${runId}/${taskId}`;
    const failedOn = this.#failedOn.get(key);
    // What becomes of a batch is decided for all of it.
    if (failedOn?.has(agentId) !== true || this.#task(runId, taskId).batch !== undefined) return;
    const other = [...state.agents.values()].find(
      (agent) =>
        agent.connected &&
        !agent.draining &&
        agent.faults < state.config.attemptsPerTask &&
        (agent.onlyRun === null || agent.onlyRun === runId) &&
        !failedOn.has(agent.agentId) &&
        this.#lostOn.get(key)?.has(agent.agentId) !== true &&
        this.#entryFor(runId, taskId, agent) !== undefined,
    );
    demand(other === undefined, `${taskId} is tried again on ${agentId} and not on ${other?.agentId ?? ''}`);
  }

  #checkRoom(state: SchedulerState, { runId, taskId, agentId }: Event<'task.assigned'>): void {
    const agent = state.agents.get(agentId)!;
    const leases = [...agent.leases];
    const openParallel = [...state.openRuns].map((id) => this.#specs.get(id)!.parallel);
    const byRules = [...state.openRuns].flatMap((id) =>
      (this.#specs.get(id)!.placements ?? []).map(({ runOn }) => entryOf(runOn, agent)?.parallelism ?? 0),
    );
    const slots = agent.slots ?? Math.max(...openParallel, ...byRules);
    demand(leases.length <= slots, `${agentId} has ${leases.length} leases and ${slots} slots`);
    const alone = leases.some((lease) => !lease.assignment.parallelism);
    demand(!alone || leases.length === 1, `${taskId} shares ${agentId} with a task that must be alone`);
    for (const lease of leases) {
      const entry = this.#entryFor(lease.runId, lease.assignment.taskId, agent);
      demand(entry !== undefined, `${agentId} has ${taskId}, which a rule sends elsewhere`);
      const cap = entry?.parallelism ?? Infinity;
      demand(leases.length <= cap, `${agentId} has ${leases.length} leases beside a task with ${cap}`);
    }
    const sameRun = leases.filter(
      (lease) =>
        lease.runId === runId &&
        typeof this.#entryFor(runId, lease.assignment.taskId, agent)?.parallelism !== 'number',
    ).length;
    const { parallel } = this.#specs.get(runId)!;
    demand(
      agent.slots !== null || sameRun <= parallel,
      `${runId} runs ${sameRun} tasks at a time on ${agentId}`,
    );
  }

  /** What a rule says of the task on this agent; null: no rule concerns it, undefined: not here. */
  #entryFor(runId: string, taskId: string, agent: Agent): RunOn | null | undefined {
    const { placement } = this.#task(runId, taskId);
    if (placement === undefined) return null;
    return entryOf(this.#specs.get(runId)!.placements![placement]!.runOn, agent);
  }

  /** Exactly what is below the task and has outputs, in an order in which it can be restored, as it was stored. */
  #checkClosure({ runId, taskId, closure, members }: Assignment): void {
    const own = new Set(members?.map((member) => member.taskId) ?? [taskId]);
    const below = new Set<string>();
    const stack = [...own];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      for (const { id } of edgesOf(this.#task(runId, at))) {
        if (below.has(id) || own.has(id)) continue;
        below.add(id);
        stack.push(id);
        const { state } = this.#task(runId, id).initial;
        const status = this.#ended.get(`${runId}/${id}`);
        demand(
          state === 'done' || state === 'server' || status === 'success' || this.#areTogether(runId, at, id),
          `${taskId} starts though ${id} is ${status ?? 'not ended'}`,
        );
      }
    }
    // A batch may have made a task though it failed to make another one below it.
    const expected = [...below].filter((id) => {
      const { state } = this.#task(runId, id).initial;
      return state === 'done' || (state === 'pending' && this.statusOf(runId, id) === 'success');
    });
    const listed = new Set<string>();
    for (const entry of closure) {
      const { initial, hash } = this.#task(runId, entry.taskId);
      const stored =
        initial.state === 'done'
          ? JSON.stringify({ hash, artifact: initial.artifact })
          : this.#artifacts.get(`${runId}/${entry.taskId}`);
      const said = JSON.stringify({ hash: entry.hash, artifact: entry.artifact });
      demand(
        said === stored,
        `the closure of ${taskId} says ${said} of ${entry.taskId}, stored is ${stored ?? 'nothing'}`,
      );
      for (const { id } of this.#task(runId, entry.taskId).dependencies) {
        demand(listed.has(id) || !expected.includes(id), `${entry.taskId} comes before ${id} in a closure`);
      }
      listed.add(entry.taskId);
    }
    demand(
      listed.size === expected.length && closure.length === expected.length,
      `the closure of ${taskId} is ${[...listed].join()} instead of ${expected.join()}`,
    );
  }

  /** How often a failure of the task is to be tried again. */
  #retriesOf(runId: string, taskId: string): number {
    const { retries = 0, flakiness } = this.#task(runId, taskId);
    return Math.max(retries, flakiness === 'retry' && this.#flaky.has(`${runId}/${taskId}`) ? 1 : 0);
  }

  #onRetried({ runId, taskId, attempt }: Event<'task.retried'>): void {
    const key = `${runId}/${taskId}`;
    const done = this.#deed(runId, taskId);
    demand(
      done?.status === 'failure' && done.reason?.code !== 'DTE_HASH_MISMATCH',
      `${key} is tried again, and had not failed`,
    );
    this.#failedBefore.set(`${key}#${attempt}`, done);
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
    demand(!this.#ended.has(key), `${key} ended twice`);
    this.#ended.set(key, status);
    const { initial } = this.#task(runId, taskId);
    demand(initial.state === 'pending' || initial.state === 'noop', `${key} was not to be run and ends`);
    if (status === 'failure') {
      if (attempt !== null && !this.#hasDrift(runId, taskId)) this.#checkRetries(state, runId, taskId);
      this.#failed.add(runId);
    }
    if (attempt === null) {
      if (status === 'failure') this.#checkLonely(state, input, runId, taskId);
      demand(status !== 'success' || initial.state === 'noop', `${key} succeeded without an attempt`);
      const why =
        edgesOf(this.#task(runId, taskId)).some(({ id }) => this.#isBroken(runId, id)) ||
        this.#failed.has(runId) ||
        this.#deed(runId, taskId) === null;
      demand(status !== 'skipped' || why, `${key} is skipped without a failure`);
      return;
    }
    const accepted = this.#assigned.get(key);
    // One that was to be tried again and may not any more has failed as it did before.
    const earlier = this.#failedBefore.get(`${key}#${attempt}`);
    const isBailed = state.runs.get(runId)?.bailed === true;
    demand(
      accepted?.attempt === attempt || (isBailed && earlier !== undefined),
      `${key} ended by attempt ${attempt}, which is not its last`,
    );
    const done = earlier ?? this.#deed(runId, taskId);
    const returns = this.#specs.get(runId)?.onHashMismatch === 'run-on-main' && this.#hasDrift(runId, taskId);
    demand(
      done != null && status === (returns ? 'returned' : done.status),
      `${key} ended as ${status}, which its agent never said`,
    );
    this.#artifacts.set(key, JSON.stringify({ hash: done.hash, artifact: done.artifact }));
  }

  /** The attempt that is wanted now was not run because of another hash. */
  #hasDrift(runId: string, taskId: string): boolean {
    return this.#deed(runId, taskId)?.reason?.code === 'DTE_HASH_MISMATCH';
  }

  #checkRetries(state: SchedulerState, runId: string, taskId: string): void {
    const key = `${runId}/${taskId}`;
    const isBailed = state.runs.get(runId)?.bailed === true;
    const usedUp = this.#retried.get(key) === this.#retriesOf(runId, taskId);
    demand(isBailed || usedUp || this.#retriesOf(runId, taskId) === 0, `${key} failed with retries left`);
  }

  /** Only a rule fails a task that no agent has run: when agents are there, and it means none of them. */
  #checkLonely(state: SchedulerState, input: Input, runId: string, taskId: string): void {
    const { placement } = this.#task(runId, taskId);
    demand(placement !== undefined, `${runId}/${taskId} failed without an attempt`);
    // A step lets waits expire before it takes its input: who comes with it was not there.
    const came = input.type === 'agent.joined' ? input.agent.agentId : null;
    const there = [...state.agents.values()].filter(
      (agent) => agent.connected && !agent.draining && agent.agentId !== came && agent.onlyRun === null,
    );
    const fitting = there.filter((agent) => this.#entryFor(runId, taskId, agent) !== undefined);
    const isLeaving = input.type.startsWith('agent.');
    demand(isLeaving || there.length > 0, `${runId}/${taskId} failed though nobody is there`);
    demand(fitting.length === 0, `${runId}/${taskId} failed although there is an agent for it`);
  }

  /** What the last attempt of a task came to; null for a task that its batch skipped. */
  #deed(runId: string, taskId: string): FinishedAttempt | null | undefined {
    const last = this.#assigned.get(`${runId}/${taskId}`);
    if (last === undefined) return undefined;
    const deed = this.deeds.results.get(deedKey(runId, last.called, last.attempt, last.agentId));
    if (deed?.kind === 'batch') return deed.members.find((member) => member.taskId === taskId)?.result;
    return deed?.kind === 'finished' ? deed : undefined;
  }

  #areTogether(runId: string, a: string, b: string): boolean {
    const { batch } = this.#task(runId, a);
    return batch !== undefined && batch === this.#task(runId, b).batch;
  }

  /** Failed, skipped, or settled by the main job above something that was; a server that was found dead, or never began. */
  #isBroken(runId: string, taskId: string): boolean {
    const status = this.#ended.get(`${runId}/${taskId}`);
    if (status === 'failure' || status === 'skipped') return true;
    if (this.#deadServers.has(`${runId}/${taskId}`)) return true;
    const task = this.#task(runId, taskId);
    const isPassedOn = task.initial.state === 'done' || task.initial.state === 'server';
    return isPassedOn && edgesOf(task).some(({ id }) => this.#isBroken(runId, id));
  }

  #onRunEnded({ runId }: Event<'run.ended'>): void {
    const open = this.#specs
      .get(runId)!
      .tasks.filter(({ id, initial }) => isToEnd(initial.state) && !this.#ended.has(`${runId}/${id}`));
    demand(open.length === 0, `${runId} ended before ${open.map(({ id }) => id).join()}`);
  }
}

const isToEnd = (initial: TaskSpec['initial']['state']): boolean =>
  initial === 'pending' || initial === 'noop';

const edgesOf = ({ dependencies, continuousDependencies }: TaskSpec) => [
  ...dependencies,
  ...continuousDependencies,
];

const entryOf = (runOn: readonly RunOn[], { labels }: Agent): RunOn | undefined =>
  runOn.find(({ label }) => labels.includes(label));

const slotsOf = (state: SchedulerState, { slots, pool }: Agent): number =>
  slots ?? Math.max(state.defaultSlots ?? 0, pool === null ? 0 : (state.pools.get(pool)?.slots ?? 0));

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

/** Everything that is counted while it changes must be what counting it afresh gives. */
function checkCounters(state: SchedulerState): void {
  const agents = [...state.agents.values()];
  const usable = agents.filter((agent) => agent.connected && !agent.draining && agent.onlyRun === null);
  demand(state.usable.agents === usable.length, 'usable agents are miscounted');
  const slots = usable.reduce((sum, agent) => sum + slotsOf(state, agent), 0);
  demand(state.usable.slots === slots, `there are ${slots} slots, not ${state.usable.slots}`);
  for (const [key, pool] of state.pools) {
    const members = usable.filter((agent) => agent.pool === key);
    demand(pool.usable === members.length, `agents of ${key} are miscounted`);
  }
  for (const agent of agents) {
    for (const lease of agent.leases) {
      demand(
        state.runs.get(lease.runId)?.leases.get(lease.index) === lease,
        'an agent has a lease of its own',
      );
    }
    demand(
      agent.bytesWanted >= 0 && (agent.leases.size > 0 || agent.bytesWanted === 0),
      'bytes are miscounted',
    );
  }
  for (const run of state.runs.values()) {
    const leases = [...run.leases.values()];
    demand(
      run.slotsUsed === leases.reduce((sum, lease) => sum + lease.cost, 0),
      `slots of ${run.runId} are miscounted`,
    );
    demand(
      leases.every((lease) => state.agents.get(lease.agentId)?.leases.has(lease) === true),
      'a lease has no agent',
    );
    demand(run.phase === 'running' || leases.length === 0, `${run.runId} is over and still has leases`);
    const leased = run.tasks.filter((task) => task.state.name === 'leased').length;
    const open = leases.reduce((sum, lease) => sum + lease.open.size, 0);
    demand(leased === open, `leases of ${run.runId} are miscounted`);
    const ready = run.tasks.filter(
      ({ state: { name }, batch }, index) =>
        name === 'ready' && (batch === null || run.batches[batch]?.unit[0] === index),
    ).length;
    const queued = run.lanes.reduce((sum, lane) => sum + lane.ready.length, 0);
    demand(ready === queued, `ready tasks of ${run.runId} are miscounted`);
  }
}
