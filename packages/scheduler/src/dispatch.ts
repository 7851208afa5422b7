import type { EffectsBuilder } from './effects-builder';
import {
  dispatchableCount,
  findFree,
  firstFree,
  freeSlots,
  holdAgent,
  isDispatchable,
  releaseHold,
} from './free-agents';
import { heapPop, heapPush } from './heap';
import { grantLease, prepareLease } from './leases';
import type { AgentState, RunState, SchedulerState, TaskRecord } from './state';
import { byPriority, endTask, endingWithout } from './tasks';
import { agentOf, dependenciesOf, known, runOf, taskOf } from './lookup';

/** Tasks of one run that may be set aside in one round because the free agents are not for them. */
const MAX_SET_ASIDE = 16;
/** Direct dependencies whose makers are asked for; more do not make the choice better. */
const MAX_LOCALITY_DEPENDENCIES = 64;

type Placed = 'placed' | 'set aside' | 'stuck';

/** Gives ready tasks to free slots until one of them runs out. */
export function dispatch(state: SchedulerState, out: EffectsBuilder): void {
  if (state.session.phase === 'finished') return;
  const stuck = new Set<string>();
  const aside = new Map<RunState, number[]>();
  while (firstFree(state) !== undefined || state.idle.size > 0) {
    const run = nextRun(state, stuck);
    if (run === undefined) break;
    if (place(state, run, aside, out) === 'stuck') stuck.add(run.runId);
  }
  for (const [run, indices] of aside) {
    for (const index of indices) heapPush(run.ready, index, byPriority(run));
  }
}

/** Fairness: the run that takes the fewest slots, of those that have something to place; the oldest among equals. */
function nextRun(state: SchedulerState, stuck: ReadonlySet<string>): RunState | undefined {
  let poorest: RunState | undefined;
  for (const runId of state.openRuns) {
    const run = runOf(state, runId);
    state.operations++;
    if (stuck.has(runId) || (run.ready.length === 0 && run.readyAlone.length === 0)) continue;
    if (poorest === undefined || run.slotsUsed < poorest.slotsUsed) poorest = run;
  }
  return poorest;
}

function place(
  state: SchedulerState,
  run: RunState,
  aside: Map<RunState, number[]>,
  out: EffectsBuilder,
): Placed {
  const alone = run.readyAlone[0];
  const next = run.ready[0];
  const first = byPriority(run);
  // An agent that is kept back is kept back for good, whatever has become ready meanwhile: others cannot use it.
  const isAlonesTurn =
    run.heldAgent !== null || next === undefined || (alone !== undefined && first(alone, next));
  if (alone !== undefined && isAlonesTurn) {
    if (placeAlone(state, run, alone, out)) return 'placed';
  }
  if (next === undefined) return 'stuck';
  const agent = findAgent(state, run, next);
  if (agent === undefined) {
    // Only a task that avoids an agent can be in the way of others; what else there is concerns the whole run.
    const isPicky = taskOf(run, next).lostOn.length > 0;
    const tasks = aside.get(run) ?? [];
    if (!isPicky || tasks.length >= MAX_SET_ASIDE) return 'stuck';
    heapPop(run.ready, first);
    aside.set(run, [...tasks, next]);
    return 'set aside';
  }
  heapPop(run.ready, first);
  state.operations++;
  give(state, run, next, agent, out);
  return 'placed';
}

/**
 * A task that must be alone takes an agent that runs nothing. Without one, an agent is kept free of other tasks until
 * it has finished its own: otherwise short tasks could go on for ever filling the slots that become free.
 */
function placeAlone(state: SchedulerState, run: RunState, index: number, out: EffectsBuilder): boolean {
  const agent = findIdle(state, run, index);
  if (agent === undefined) {
    if (run.heldAgent === null) holdOne(state, run, index);
    return false;
  }
  heapPop(run.readyAlone, byPriority(run));
  state.operations++;
  if (run.heldAgent === agent.agentId || run.readyAlone.length === 0) releaseHold(state, run);
  give(state, run, index, agent, out);
  return true;
}

function give(
  state: SchedulerState,
  run: RunState,
  index: number,
  agent: AgentState,
  out: EffectsBuilder,
): void {
  const lease = prepareLease(state, run, index);
  if (lease.bytes <= bytesPerShare(state)) {
    grantLease(state, run, agent, lease, out);
    return;
  }
  const message = `Task ${lease.assignment.taskId} depends on ${lease.assignment.closure.length} tasks: too many to name in one message.`;
  endTask(state, run, index, endingWithout('returned', { code: 'DTE_FRAME_TOO_LARGE', message }), out);
}

/**
 * All that an agent is wanted to do is said in one frame. One task may take nearly half of it, and an agent that
 * is wanted to do as much gets nothing more for now: so it always fits.
 */
const bytesPerShare = (state: SchedulerState): number => Math.floor(state.config.frameBytes * 0.45);

/** Most free slots, then most of what the task needs on its disk, then first to join. */
function findAgent(state: SchedulerState, run: RunState, index: number): AgentState | undefined {
  const task = taskOf(run, index);
  const accepts = (agent: AgentState): boolean =>
    hasRoomFor(state, agent, run) && !isAvoiding(state, task, agent);
  const best = findFree(state, accepts);
  if (best === undefined) return undefined;
  const most = freeSlots(state, best);
  return nearest(state, run, index, (agent) => freeSlots(state, agent) === most && accepts(agent)) ?? best;
}

/** --parallel is a promise per machine, also while another command with a higher one shares it; --slots overrides. */
const hasRoomFor = (state: SchedulerState, agent: AgentState, run: RunState): boolean =>
  (agent.slots !== null || (agent.leasesPerRun.get(run.runId) ?? 0) < run.parallel) &&
  agent.bytesWanted <= bytesPerShare(state);

/** An attempt that was lost on an agent is made elsewhere, as long as there is an elsewhere. */
function isAvoiding(state: SchedulerState, task: TaskRecord, agent: AgentState): boolean {
  if (!task.lostOn.includes(agent.agentId)) return false;
  const alsoLostOn = task.lostOn.filter((agentId) => {
    const other = state.agents.get(agentId);
    return other !== undefined && isDispatchable(state, other);
  });
  return dispatchableCount(state) > alsoLostOn.length;
}

function findIdle(state: SchedulerState, run: RunState, index: number): AgentState | undefined {
  const task = taskOf(run, index);
  const accepts = (agent: AgentState): boolean =>
    (agent.heldFor === null || agent.heldFor === run.runId) && !isAvoiding(state, task, agent);
  const near = nearest(state, run, index, (agent) => state.idle.has(agent.agentId) && accepts(agent));
  if (near !== undefined) return near;
  for (const agentId of state.idle) {
    state.operations++;
    const agent = agentOf(state, agentId);
    if (accepts(agent)) return agent;
  }
  return undefined;
}

/** The agent that made most of the direct dependencies, of those that `accepts` lets through. */
function nearest(
  state: SchedulerState,
  run: RunState,
  index: number,
  accepts: (agent: AgentState) => boolean,
): AgentState | undefined {
  const made = new Map<string, number>();
  for (const dependency of dependenciesOf(run, index).slice(0, MAX_LOCALITY_DEPENDENCIES)) {
    const { madeOn } = taskOf(run, dependency);
    state.operations++;
    if (madeOn !== null) made.set(madeOn, (made.get(madeOn) ?? 0) + 1);
  }
  let best: AgentState | undefined;
  for (const [agentId, count] of made) {
    const agent = state.agents.get(agentId);
    if (agent === undefined || !accepts(agent)) continue;
    const bestCount = best === undefined ? 0 : known(made.get(best.agentId));
    const sooner = best === undefined || agent.joinIndex < best.joinIndex;
    if (count > bestCount || (count === bestCount && sooner)) best = agent;
  }
  return best;
}

/** The agent that will be free soonest, as far as the number of its tasks tells. */
function holdOne(state: SchedulerState, run: RunState, index: number): void {
  const task = taskOf(run, index);
  let least: AgentState | undefined;
  for (const agent of state.agents.values()) {
    state.operations++;
    if (!isDispatchable(state, agent) || agent.heldFor !== null || isAvoiding(state, task, agent)) continue;
    if (least === undefined || agent.leases.size < least.leases.size) least = agent;
  }
  if (least !== undefined) holdAgent(state, run, least);
}
