import { type Before, heapify, heapPop, heapPush } from './heap';
import type { AgentWithRoom } from './indexes';
import { runOf } from './lookup';
import type { Lease } from './lease';
import type { AgentState, SchedulerState } from './state';

/** The agent that is expected to have a free slot soonest, then in the order of joining. */
export const soonestFirst: Before<AgentWithRoom> = (a, b) =>
  a.freeAtMs < b.freeAtMs ||
  (a.freeAtMs === b.freeAtMs &&
    (a.joinIndex < b.joinIndex || (a.joinIndex === b.joinIndex && a.version > b.version)));

/** The attempt that an agent prepares for its next free slot, if it has not started and is not being recalled. */
export function waitingOn({ ahead }: AgentState): Lease | undefined {
  for (const lease of ahead) if (lease.place === 'ahead' && !lease.started) return lease;
  return undefined;
}

/**
 * When one of an agent's slots is expected to be free. If it is not known how long one of its tasks takes, that one may end at any
 * time: the time at which it began, which is in the past.
 */
export function freeAtMs(state: SchedulerState, { leases }: AgentState): number {
  let soonest = Infinity;
  for (const { runId, open, runsSinceMs } of leases) {
    const { expectedMs } = runOf(state, runId).graph;
    state.operations++;
    // Tasks of a batch run at the same time, as far as they can.
    let longest = 0;
    for (const index of open) longest = Math.max(longest, expectedMs[index] ?? 0);
    soonest = Math.min(soonest, (runsSinceMs ?? state.nowMs) + longest);
  }
  return soonest;
}

/** Enters an agent into the heap of those that may get an attempt ahead of a slot. Call it with a new version of the agent. */
export function indexRoom(state: SchedulerState, agent: AgentState): void {
  const { room } = state.prefetch;
  const { agentId, joinIndex, freeVersion: version } = agent;
  state.operations++;
  heapPush(room, { agentId, joinIndex, freeAtMs: freeAtMs(state, agent), version }, soonestFirst);
  if (room.length <= 4 * state.agents.size + 64) return;
  state.operations += room.length;
  state.prefetch.room = room.filter((each) => isCurrent(state, each));
  heapify(state.prefetch.room, soonestFirst);
}

const isCurrent = (state: SchedulerState, { agentId, version }: AgentWithRoom): boolean =>
  state.agents.get(agentId)?.freeVersion === version;

/** The first entry of the heap that is not stale, left in it. */
export function firstRoom(state: SchedulerState): AgentWithRoom | undefined {
  const { room } = state.prefetch;
  for (;;) {
    const [top] = room;
    if (top === undefined || isCurrent(state, top)) return top;
    state.operations++;
    heapPop(room, soonestFirst);
  }
}
