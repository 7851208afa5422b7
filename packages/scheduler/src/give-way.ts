import { recall } from './ahead';
import type { RunContext } from './contexts';
import { agentOf, at, taskOf } from './lookup';
import { freeAtMs, waitingOn } from './room';
import type { Lease } from './lease';
import type { Accepts } from './search';

/**
 * How much sooner a task must get a slot so that another one is taken back for it: taking back and preparing takes some tens of
 * milliseconds. Not configurable: it only saves messages.
 */
const WORTH_MS = 250;

/** Agents that are looked at. With more of them, slots are free so often that no task waits for long. Not a limit of agents. */
const MOST_AGENTS = 16;

/**
 * Takes back a task that waits for a slot which a ready task should have, because it comes first and would wait for longer
 * elsewhere: one that has just become ready, when all agents whose slots are free soon have got their next task already. One at a time. Only where
 * it is known how long tasks take: simulated without, it made as many runs longer as shorter.
 * @param ready `otherwiseMs`: when it is expected to get another slot, Infinity: not known; `accepts`: agents on which it may wait
 * @returns whether one is being taken back
 */
export function takeBackFor(
  { state, run, out }: RunContext,
  {
    index,
    otherwiseMs,
    accepts,
  }: { readonly index: number; readonly otherwiseMs: number; readonly accepts: Accepts },
): boolean {
  const { rankMs } = run.graph;
  let looked = 0;
  let mostMs = WORTH_MS;
  let found: Lease | undefined;
  for (const agentId of state.prefetch.holders) {
    if (looked++ >= MOST_AGENTS) break;
    state.operations++;
    const agent = agentOf(state, agentId);
    const lease = waitingOn(agent);
    // It must not wander from agent to agent.
    if (lease?.runId !== run.runId || taskOf(run, lease.index).recalls > 0) continue;
    if (!agent.connected || !accepts(agent)) continue;
    // They change places: what the longer way to the end wins, as long as the other one does not become the longer.
    const slotMs = freeAtMs(state, agent);
    const wonMs = Math.min(otherwiseMs - slotMs, at(rankMs, index) - at(rankMs, lease.index));
    // In the past: nobody knows when that slot is free.
    if (slotMs <= state.nowMs || wonMs <= mostMs) continue;
    mostMs = wonMs;
    found = lease;
  }
  if (found === undefined) return false;
  recall(state, found, out);
  return true;
}
