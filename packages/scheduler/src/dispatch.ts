import { unitOf } from './batches';
import type { RunContext } from './contexts';
import type { EffectsBuilder } from './effects-builder';
import { findAgent, holdOne } from './find-agent';
import { firstFree, releaseHold } from './free-agents';
import { heapPop, heapPush } from './heap';
import { byPriority, capOn, hasReady, nextLane } from './lanes';
import { bytesPerShare, grantLease, prepareLease } from './leases';
import { at, runOf, taskOf } from './lookup';
import { isAnyPooled } from './pools';
import type { AgentState, Lane, RunState, SchedulerState } from './state';
import { endTask, endingWithout } from './tasks';

/** Tasks of one lane that may be set aside in one round because the free agents are not for them: the price of one search, no limit of what may wait. */
const MAX_SET_ASIDE = 16;

/** What one round of placing has found out. */
interface Round {
  /** Lanes whose next task finds no agent. */
  readonly stuck: Set<Lane>;
  readonly aside: Map<Lane, { readonly run: RunState; readonly indices: number[] }>;
}

/** Gives ready tasks to free slots until one of them runs out. */
export function dispatch(state: SchedulerState, out: EffectsBuilder): void {
  if (state.session.phase === 'finished') return;
  const round: Round = { stuck: new Set(), aside: new Map() };
  while (firstFree(state) !== undefined || state.idle.size > 0 || isAnyPooled(state)) {
    const run = nextRun(state, round.stuck);
    const lane = run === undefined ? undefined : nextLane(state, run, round.stuck);
    if (run === undefined || lane === undefined) break;
    if (!place({ state, run, out }, lane, round)) round.stuck.add(lane);
  }
  for (const [lane, { run, indices }] of round.aside) {
    for (const index of indices) heapPush(lane.ready, index, byPriority(run));
  }
}

/** Fairness: the run that takes the fewest slots, of those that have something to place; the oldest among equals. */
function nextRun(state: SchedulerState, stuck: ReadonlySet<Lane>): RunState | undefined {
  let poorest: RunState | undefined;
  for (const runId of state.openRuns) {
    const run = runOf(state, runId);
    state.operations++;
    if (!hasReady(run, stuck)) continue;
    if (poorest === undefined || run.slotsUsed < poorest.slotsUsed) poorest = run;
  }
  return poorest;
}

/** @returns false when the lane has to wait for another agent */
function place(context: RunContext, lane: Lane, round: Round): boolean {
  const { state, run } = context;
  const index = at(lane.ready, 0);
  const agent = findAgent(state, run, lane, index);
  if (agent === undefined) {
    if (lane.heldAgent === null) holdOne(state, run, lane, index);
    return setAside(context, lane, index, round);
  }
  heapPop(lane.ready, byPriority(run));
  state.operations++;
  if (lane.heldAgent !== null && (lane.heldAgent === agent.agentId || lane.ready.length === 0)) {
    releaseHold(state, lane);
    // The agent may be what others were waiting for.
    round.stuck.clear();
  }
  give(context, lane, index, agent);
  return true;
}

/** Only a task that avoids an agent can be in the way of others; what else there is concerns the whole lane. */
function setAside({ state, run }: RunContext, lane: Lane, index: number, round: Round): boolean {
  const isPicky = taskOf(run, index).lostOn.length > 0;
  const { indices } = round.aside.get(lane) ?? { indices: [] };
  // For a task that must be alone an agent is reserved instead.
  if (lane.alone || !isPicky || indices.length >= MAX_SET_ASIDE) return false;
  heapPop(lane.ready, byPriority(run));
  state.operations++;
  round.aside.set(lane, { run, indices: [...indices, index] });
  return true;
}

function give(context: RunContext, lane: Lane, index: number, agent: AgentState): void {
  const { state, run } = context;
  const lease = prepareLease(state, run, index);
  if (lease.bytes <= bytesPerShare(state)) {
    grantLease(context, agent, lease, capOn(run, lane, agent));
    return;
  }
  const message = `Task ${lease.assignment.taskId} depends on ${lease.assignment.closure.length} tasks: too many to list in one message.`;
  for (const each of unitOf(run, index)) {
    endTask(context, each, endingWithout('returned', { code: 'DTE_FRAME_TOO_LARGE', message }));
  }
}
