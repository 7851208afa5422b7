import type { AttemptContext, RunContext } from './contexts';
import { dispatch } from './dispatch';
import type { EffectsBuilder } from './effects-builder';
import { findOther } from './find-agent';
import { firstFree, isUsable, mostSecondStarts, servesRun, slotsLeft } from './free-agents';
import { capOn, fitsAgent } from './lanes';
import { bytesPerShare, grantLease, prepareLease } from './leases';
import { agentOf, at, known, runOf, taskOf } from './lookup';
import { isAnyPooled } from './pools';
import { prefetch } from './prefetch';
import { withdraw } from './rivals';
import type { AgentState, Lane, RunState, SchedulerState } from './state';

// When and where tasks are started a second time: "backup tasks" of MapReduce (Dean, Ghemawat 2004, section 3.6), with the lessons of LATE
// (Zaharia et al. 2008): only so many at once, never on an agent that is slow itself, and judged by the time that a task still needs.
//
// That time: an attempt that has run for longer than 95% of all others is, more likely than not, on a slow or broken machine or hangs,
// and nothing tells its progress. What has run for so long is expected to run for as long again (Lindy; the mean rest of a Pareto
// distribution with exponent 2), while a fresh attempt takes the usual time, which is less. `lateMs` therefore is never below the usual
// time, and a second start that turns out to be useless has cost time of a slot that was idle.

/**
 * Assigns everything that is ready. Second starts give way to it: before, so that no task is left with a slow agent because of one, and
 * once more to what is still ready then. What no slot is free for is prepared by agents, or taken back from them. Where slots are idle
 * in the end, second starts begin.
 */
export function assignWork(state: SchedulerState, out: EffectsBuilder): void {
  leaveGoodSlots(state, out);
  dispatch(state, out);
  if (makeRoom(state, out)) dispatch(state, out);
  prefetch(state, out);
  startLate(state, out);
}

/** The attempt has run for longer than usual. */
export function becomeLate(state: SchedulerState, run: RunState, index: number): void {
  const lease = run.leases.get(index);
  if (lease === undefined || lease.second || run.rivals.has(index)) return;
  run.late.add(index);
  const agent = agentOf(state, lease.agentId);
  agent.slow = true;
}

interface ReadyLane {
  readonly run: RunState;
  readonly lane: Lane;
}

/** Lanes with tasks that wait for a slot. */
const readyLanes = (state: SchedulerState): ReadyLane[] =>
  [...state.openRuns].flatMap((runId) => {
    const run = runOf(state, runId);
    state.operations += run.lanes.length;
    return run.lanes.filter(({ ready }) => ready.length > 0).map((lane) => ({ run, lane }));
  });

/** Is there a ready task that may run on this agent? */
const isNeeded = (agent: AgentState, ready: readonly ReadyLane[]): boolean =>
  ready.some(({ run, lane }) => servesRun(agent, run) && fitsAgent(run, lane, agent));

/** If more tasks are ready than agents that are not slow have slots, the youngest second starts are withdrawn. */
function leaveGoodSlots(state: SchedulerState, out: EffectsBuilder): void {
  const rivals = rivalsOf(state, out);
  const ready = rivals.length === 0 ? [] : readyLanes(state);
  let needed = ready.reduce((sum, { lane }) => sum + lane.ready.length, 0);
  if (needed === 0) return;
  for (const agent of state.agents.values()) if (!isSlow(state, agent)) needed -= slotsLeft(state, agent);
  for (const context of rivals.reverse()) {
    if (needed <= 0) return;
    const agent = agentOf(state, context.lease.agentId);
    if (!isUsable(agent) || !isNeeded(agent, ready)) continue;
    withdraw(context);
    needed--;
  }
}

/** @returns whether a second start was withdrawn, and its slot is free for a ready task */
function makeRoom(state: SchedulerState, out: EffectsBuilder): boolean {
  const rivals = rivalsOf(state, out);
  const ready = rivals.length === 0 ? [] : readyLanes(state);
  let isDone = false;
  for (const context of rivals) {
    const agent = agentOf(state, context.lease.agentId);
    state.operations++;
    if (!isUsable(agent) || !isNeeded(agent, ready)) continue;
    withdraw(context);
    isDone = true;
  }
  return isDone;
}

const rivalsOf = (state: SchedulerState, out: EffectsBuilder): AttemptContext[] =>
  [...state.openRuns].flatMap((runId) => {
    const run = runOf(state, runId);
    return [...run.rivals.values()].map((lease) => ({ state, run, lease, out }));
  });

function startLate(state: SchedulerState, out: EffectsBuilder): void {
  const runs = [...state.openRuns].map((runId) => runOf(state, runId));
  if (state.session.phase === 'finished' || runs.every(({ late }) => late.size === 0)) return;
  // A task that is on its way back to a free slot has not been started at all, and comes first.
  if (state.prefetch.recalling > 0) return;
  const ready = readyLanes(state);
  let left = mostSecondStarts(state) - runs.reduce((sum, { rivals }) => sum + rivals.size, 0);
  // One search for each lane that has no agent.
  const stuck = new Set<Lane>();
  for (const run of runs) {
    // As for retries: after a failure that ends the run, nothing new starts.
    for (const index of run.bailed ? [] : [...run.late]) {
      if (left <= 0 || (firstFree(state) === undefined && !isAnyPooled(state))) return;
      const lane = at(run.lanes, taskOf(run, index).lane);
      if (stuck.has(lane)) continue;
      if (startSecond({ state, run, out }, index, ready)) left--;
      else stuck.add(lane);
    }
  }
}

function startSecond(context: RunContext, index: number, ready: readonly ReadyLane[]): boolean {
  const { state, run } = context;
  const task = taskOf(run, index);
  const { agentId } = known(run.leases.get(index));
  const lane = at(run.lanes, task.lane);
  // The agent of one run is its main job, whose disk gets the outputs of the other attempt if that wins.
  const isFree = (agent: AgentState): boolean =>
    agent.agentId !== agentId && agent.onlyRun === null && !isSlow(state, agent) && !isNeeded(agent, ready);
  const agent = findOther(state, run, index, isFree);
  if (agent === undefined) return false;
  const lease = prepareLease(state, run, index);
  run.late.delete(index);
  if (lease.bytes > bytesPerShare(state)) return false;
  grantLease(context, agent, lease, { cap: capOn(run, lane, agent), place: 'slot' });
  return true;
}

/** Its last task took longer than usual, or one that runs there does. */
function isSlow(state: SchedulerState, { slow, leases }: AgentState): boolean {
  state.operations++;
  if (slow) return true;
  for (const { lateAtMs } of leases) if (lateAtMs !== null && lateAtMs <= state.nowMs) return true;
  return false;
}
