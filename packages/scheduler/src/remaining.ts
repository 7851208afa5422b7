import { at, runOf } from './lookup';
import type { Lease } from './lease';
import type { AgentState, SchedulerState } from './state';

/**
 * How much longer an attempt is expected to run. One that has outrun its estimate, or has none, is expected to take as long again
 * as it has taken: the longer something has run, the longer it goes on (Lindy's law, for lengths that differ by factors).
 */
export function remainingMs(state: SchedulerState, { runId, index, sinceMs, runsSinceMs }: Lease): number {
  const expectedMs = at(runOf(state, runId).graph.expectedMs, index);
  const elapsedMs = state.nowMs - (runsSinceMs ?? sinceMs);
  return expectedMs !== null && expectedMs > elapsedMs ? expectedMs - elapsedMs : elapsedMs;
}

/** When the agent will have finished everything that it runs, from now, if it gets nothing else. */
export function drainMs(state: SchedulerState, { leases }: AgentState): number {
  let longest = 0;
  for (const lease of leases) {
    state.operations++;
    longest = Math.max(longest, remainingMs(state, lease));
  }
  return longest;
}
