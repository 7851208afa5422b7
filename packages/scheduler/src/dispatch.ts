import { unitOf } from './batches';
import type { RunContext } from './contexts';
import type { EffectsBuilder } from './effects-builder';
import { findAgent } from './find-agent';
import { firstFree, releaseHold } from './free-agents';
import { heapPop, heapPush } from './heap';
import { holdOne } from './hold-one';
import { byPriority, capOn, hasReady, nextLane } from './lanes';
import { bytesPerShare, grantLease, prepareLease } from './leases';
import { at, runOf, taskOf } from './lookup';
import { isAnyPooled } from './pools';
import { prefetch } from './prefetch';
import type { LargestOf } from './search';
import type { AgentState, Lane, RunState, SchedulerState } from './state';
import { endTask, endingWithout } from './tasks';

/** Tasks of one lane that a round may set aside because no free agent fits: the cost of one search, not a limit of the queue. */
const MAX_SET_ASIDE = 16;
/** The same for tasks that agents that pack have no room for; each costs a search among more agents. */
const MAX_UNFIT = 4;

/** What one round of placing has found. */
interface Round {
  /** Lanes whose next task has no agent. */
  readonly stuck: Set<Lane>;
  readonly aside: Map<Lane, { readonly run: RunState; readonly indices: number[] }>;
  readonly largest: LargestOf;
}

/** Assigns ready tasks to free slots until there are no more tasks or no more slots. */
export function dispatch(state: SchedulerState, out: EffectsBuilder): void {
  if (state.session.phase === 'finished') return;
  const round: Round = { stuck: new Set(), aside: new Map(), largest: new Map() };
  while (isAnyFree(state)) {
    const run = nextRun(state, round.stuck);
    const lane = run === undefined ? undefined : nextLane(state, run, round.stuck);
    if (run === undefined || lane === undefined) break;
    if (!place({ state, run, out }, lane, round)) round.stuck.add(lane);
  }
  for (const [lane, { run, indices }] of round.aside) {
    for (const index of indices) heapPush(lane.ready, index, byPriority(run));
  }
  prefetch(state, out);
}

/** An agent that packs may have room for the task that it is reserved for, and is not among the free ones. */
const isAnyFree = (state: SchedulerState): boolean =>
  firstFree(state) !== undefined || state.idle.size > 0 || state.packing.size > 0 || isAnyPooled(state);

/** Fairness: of the runs that have a task to place, the one with the fewest slots; the oldest if several are equal. */
function nextRun(state: SchedulerState, stuck: ReadonlySet<Lane>): RunState | undefined {
  let poorest: RunState | undefined;
  for (const runId of state.openRuns) {
    const run = runOf(state, runId);
    state.operations++;
    if (!hasReady(run, stuck)) continue;
    const isPoorer = poorest === undefined || run.slotsUsed + run.ahead < poorest.slotsUsed + poorest.ahead;
    if (isPoorer) poorest = run;
  }
  return poorest;
}

/** @returns false if the lane must wait for another agent */
function place(context: RunContext, lane: Lane, round: Round): boolean {
  const { state, run } = context;
  const index = at(lane.ready, 0);
  const isFirst = !round.aside.has(lane);
  const next = { lane, index, isFirst, largest: round.largest };
  const agent = findAgent(state, run, next);
  if (agent === undefined) {
    if (lane.heldAgent === null || isPacked(state, lane)) holdOne(state, run, next);
    return setAside(context, lane, index, round);
  }
  heapPop(lane.ready, byPriority(run));
  state.operations++;
  const isTaken = lane.heldAgent === agent.agentId && (isFirst || !isPacked(state, lane));
  if (lane.heldAgent !== null && (isTaken || (isFirst && lane.ready.length === 0))) {
    releaseHold(state, lane);
    // Other lanes may have waited for this agent.
    round.stuck.clear();
  }
  give(context, lane, index, agent);
  return true;
}

/** Its tasks differ in what they need of agents that pack. */
const isPacked = ({ packing }: SchedulerState, { alone }: Lane): boolean => packing.size > 0 && !alone;

/** Only a task that avoids an agent, or needs more of one than others, can block others; all other conditions apply to the whole lane. */
function setAside({ state, run }: RunContext, lane: Lane, index: number, round: Round): boolean {
  const isPacking = isPacked(state, lane) && lane.heldAgent !== null;
  const isPicky = isPacking || taskOf(run, index).lostOn.length > 0;
  const { indices } = round.aside.get(lane) ?? { indices: [] };
  // For a task that must run alone, an agent is reserved instead.
  if (lane.alone || !isPicky || indices.length >= (isPacking ? MAX_UNFIT : MAX_SET_ASIDE)) return false;
  heapPop(lane.ready, byPriority(run));
  state.operations++;
  round.aside.set(lane, { run, indices: [...indices, index] });
  return true;
}

function give(context: RunContext, lane: Lane, index: number, agent: AgentState): void {
  const { state, run } = context;
  const lease = prepareLease(state, run, index);
  if (lease.bytes <= bytesPerShare(state)) {
    grantLease(context, agent, lease, { cap: capOn(run, lane, agent), place: 'slot' });
    return;
  }
  const message = `Task ${lease.assignment.taskId} depends on ${lease.assignment.closure.length} tasks: too many to list in one message.`;
  for (const each of unitOf(run, index)) {
    endTask(context, each, endingWithout('returned', { code: 'DTE_FRAME_TOO_LARGE', message }));
  }
}
