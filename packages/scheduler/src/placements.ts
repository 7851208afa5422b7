import { LIMITS, type Placement, type Reason } from '@org/dte-protocol';
import { addDeadline } from './deadlines';
import type { RunContext } from './contexts';
import type { EffectsBuilder } from './effects-builder';
import { isUsable, mentionLabels, ownAgents, releaseHold } from './free-agents';
import { at, runOf } from './lookup';
import { hasAgents, matchPools } from './pools';
import type { PlacementState, RunState, SchedulerState } from './state';
import { endTask, endingWithout } from './tasks';

/** How many labels a message names; not a limit of labels. */
const NAMED = 20;

export function createPlacements(state: SchedulerState, placements: readonly Placement[]): PlacementState[] {
  mentionLabels(
    state,
    placements.flatMap(({ runOn }) => runOn.map(({ label }) => label)),
  );
  return placements.map(({ rule, runOn }) => {
    const placement: PlacementState = { rule, runOn, pools: new Map(), lonelySinceMs: null };
    matchPools(state, placement);
    return placement;
  });
}

/** When agents have come or gone, starts and ends the waits of placements without a matching agent. */
export function watchPlacements(state: SchedulerState): void {
  if (!state.agentsChanged) return;
  state.agentsChanged = false;
  for (const runId of state.openRuns) {
    const run = runOf(state, runId);
    for (const [index, placement] of run.placements.entries()) {
      if (hasAgents(state, placement)) placement.lonelySinceMs = null;
      else if (placement.lonelySinceMs === null) awaitFitting(state, run, index);
    }
  }
}

/** Starts, or restarts, the wait for an agent that matches a placement. */
export function awaitFitting(state: SchedulerState, run: RunState, index: number): void {
  at(run.placements, index).lonelySinceMs = state.nowMs;
  const subject = { kind: 'placement', runId: run.runId, index, sinceMs: state.nowMs } as const;
  addDeadline(state, state.nowMs + run.placementWaitMs, subject);
}

/**
 * No matching agent came. If there are other agents, the tasks of the placement fail: they would wait forever, and only
 * the workspace can decide whether they may run elsewhere. If there are none, the main job decides, as always.
 */
export function placementLonely(
  state: SchedulerState,
  runId: string,
  index: number,
  out: EffectsBuilder,
): void {
  const run = runOf(state, runId);
  at(run.placements, index).lonelySinceMs = null;
  // The wait restarts when an agent comes.
  if (state.usable.agents === 0) {
    // If the main job has its own worker, the main job does not decide: the worker counts as an agent.
    if (ownAgents(state, run).length > 0) endTasks({ state, run, out }, index, 'returned');
    return;
  }
  endTasks({ state, run, out }, index, 'failure');
  // Attempts of disconnected agents may succeed after a reconnect, or become ready again.
  if (run.phase === 'running' && openTasks(run, index).length > 0) awaitFitting(state, run, index);
}

const openTasks = (run: RunState, placement: number): number[] =>
  [...run.tasks.keys()].filter((index) => {
    const { lane, kind, state } = at(run.tasks, index);
    return kind === 'pending' && state.name !== 'ended' && at(run.lanes, lane).placement === placement;
  });

function endTasks(context: RunContext, placement: number, status: 'failure' | 'returned'): void {
  const { state, run } = context;
  const lanes = run.lanes.filter((lane) => lane.placement === placement);
  const open = openTasks(run, placement).filter((index) => at(run.tasks, index).state.name !== 'leased');
  for (const lane of lanes) {
    lane.ready = [];
    releaseHold(state, lane);
  }
  // In order of priority, dependencies come first, so that their dependents are skipped.
  open.sort((a, b) => at(run.graph.priority, a) - at(run.graph.priority, b));
  for (const index of open) {
    const reason = unsatisfied(state, run, at(run.graph.ids, index), at(run.placements, placement));
    endTask(context, index, endingWithout(status, reason));
  }
  // A task that left a batch earlier may have made the rest of the batch ready, and then the rest has failed as well.
  for (const lane of lanes) lane.ready = [];
}

const listed = (labels: readonly string[]): string =>
  labels.slice(0, NAMED).join(', ') + (labels.length > NAMED ? `, ${labels.length - NAMED} more` : '');

function unsatisfied(
  state: SchedulerState,
  run: RunState,
  taskId: string,
  { rule, runOn }: PlacementState,
): Reason {
  const present = [...state.agents.values()].filter(isUsable).flatMap((agent) => agent.labels);
  const labels = [...new Set(present)].sort();
  const wanted = listed(runOn.map(({ label }) => label));
  const message = [
    `${taskId} did not run: the rule ${rule} requires agents with the label ${wanted}`,
    `and none was connected for ${Math.round(run.placementWaitMs / 1000)} s.`,
    labels.length === 0
      ? `None of the ${state.usable.agents} connected agents has a label.`
      : `Labels of the connected agents: ${listed(labels)}.`,
  ].join(' ');
  return { code: 'DTE_RULE_UNSATISFIED', message: message.slice(0, LIMITS.reasonChars.value) };
}
