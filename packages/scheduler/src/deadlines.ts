import { type Before, heapify, heapPop, heapPush } from './heap';
import type { Deadline, DeadlineSubject } from './indexes';
import { leaseOf } from './lookup';
import type { SchedulerState } from './state';

const before: Before<Deadline> = (a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.id < b.id);

/**
 * Nothing is removed from the middle of the heap. A deadline that was moved or no longer applies is detected when it
 * reaches the top (lazy deletion), so renewing a lease costs nothing.
 */
export function addDeadline(state: SchedulerState, atMs: number, subject: DeadlineSubject): void {
  state.operations++;
  heapPush(state.deadlines, { atMs, id: state.nextDeadlineId++, subject }, before);
  compact(state);
}

/** The next deadline that still applies, left in the heap; undefined if there is none. */
export function nextDeadline(state: SchedulerState): Deadline | undefined {
  for (;;) {
    const top = state.deadlines[0];
    if (top === undefined) return undefined;
    const dueMs = dueAtMs(state, top);
    if (dueMs === top.atMs) return top;
    heapPop(state.deadlines, before);
    state.operations++;
    if (dueMs !== null) {
      heapPush(state.deadlines, { atMs: dueMs, id: state.nextDeadlineId++, subject: top.subject }, before);
    }
  }
}

/** Removes the next deadline if it is due, and returns it. */
export function takeDueDeadline(state: SchedulerState): DeadlineSubject | undefined {
  const next = nextDeadline(state);
  if (next === undefined || next.atMs > state.nowMs) return undefined;
  heapPop(state.deadlines, before);
  return next.subject;
}

/** The current due time of the subject; null if it has none any more. */
function dueAtMs(state: SchedulerState, { atMs, subject }: Deadline): number | null {
  switch (subject.kind) {
    case 'lease': {
      const lease = leaseOf(state.runs.get(subject.runId), subject.index, subject.attempt);
      return lease?.untilMs ?? null;
    }
    case 'late': {
      const lease = leaseOf(state.runs.get(subject.runId), subject.index, subject.attempt);
      return lease === undefined ? null : (subject.againMs ?? lease.lateAtMs);
    }
    case 'agent-gone': {
      const agent = state.agents.get(subject.agentId);
      return agent?.connected === false && agent.disconnectedAtMs === subject.sinceMs ? atMs : null;
    }
    case 'main-lost': {
      const run = state.runs.get(subject.runId);
      const waiting = run?.phase === 'running' && !run.followed;
      return waiting && run.unfollowedAtMs === subject.sinceMs ? atMs : null;
    }
    case 'placement': {
      const run = state.runs.get(subject.runId);
      const sinceMs = run?.phase === 'running' ? run.placements[subject.index]?.lonelySinceMs : null;
      return sinceMs === subject.sinceMs ? atMs : null;
    }
    case 'session-idle':
      return state.session.idleSinceMs === subject.sinceMs ? atMs : null;
    case 'prefetch':
      return state.prefetch.wakeAtMs === atMs ? atMs : null;
    case 'release':
      return state.release.wakeAtMs === atMs ? atMs : null;
    case 'session-info':
      return state.session.infoDue ? atMs : null;
  }
}

/** Tasks much shorter than their lease leave stale entries. These must not outnumber the others for long. */
function compact(state: SchedulerState): void {
  const { deadlines } = state;
  let live = state.agents.size + state.runs.size + 1024;
  for (const runId of state.openRuns) live += state.runs.get(runId)?.leases.size ?? 0;
  if (deadlines.length <= 4 * live) return;
  state.operations += deadlines.length;
  state.deadlines = deadlines.filter((deadline) => dueAtMs(state, deadline) !== null);
  heapify(state.deadlines, before);
}
