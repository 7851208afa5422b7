import { plural, type Reason } from '@org/dte-protocol';
import { addDeadline } from './deadlines';
import type { EffectsBuilder } from './effects-builder';
import { isReliable, isUsable, refreshAgent, slotsOf } from './free-agents';
import { isLarger } from './packing';
import { membershipChanged } from './session';
import type { AgentState, SchedulerState } from './state';
import { demandsOf, Supply, widthOf } from './demand';

// Agents leave before the session is over, as soon as the rest of it can't use them: a job that idles costs its runner.
//
// Only when no further command is to come: when the session ends with the runs that are open. Then those that stay must be enough for
// each kind of task that is left and that the agent could run (`demand.ts`). As many tasks as can run at the same time from now on
//
// 1. have a slot, even without any one of these agents. So no task ever waits because an agent has left, and it makes nothing longer if one
//    of the others dies or fails.
// 2. have another one each (`reserveSlots`). So each of them may be started a second time, and half of the slots may be lost.
// 3. have a slot on an agent that runs nothing, as far as they may be started a second time: that happens only on agents on which
//    nothing is late.
//
// The first two stay true until an agent is lost, because as many tasks never run at the same time again. An agent that is slow, returns
// one attempt after the other or is disconnected counts for nothing. One that runs or prepares anything does not leave, so it has
// nothing that is not stored: a result counts only after its outputs are.

/**
 * Agents are looked for at most this often: it costs as much as there are agents, and a second of a runner costs nothing. Not
 * configurable: when an agent leaves is `releaseIdleMs`.
 */
const LOOK_MS = 1_000;

/**
 * While a run is open, so many stay even if none of its tasks may run on them: without any, tasks of rules would no longer fail because no
 * agent has the label, and the main job would wait for agents before it runs what is left. Not configurable: a part of what is promised.
 */
const LEAST_AGENTS = 1;

/** Every step ends with it. */
export function releaseUnneeded(state: SchedulerState, out: EffectsBuilder): void {
  const { release } = state;
  const wakeAtMs = look(state, out);
  if (wakeAtMs === release.wakeAtMs) return;
  release.wakeAtMs = wakeAtMs;
  if (wakeAtMs !== null) addDeadline(state, wakeAtMs, { kind: 'release' });
}

/** @returns when to look again, if nothing happens before */
function look(state: SchedulerState, out: EffectsBuilder): number | null {
  const { release, nowMs } = state;
  if (!mayRelease(state)) return null;
  const againMs = release.lookedAtMs + LOOK_MS;
  if (nowMs < againMs) return againMs;
  release.lookedAtMs = nowMs;
  const idle = [...state.agents.values()].filter(isIdle);
  state.operations += state.agents.size;
  const due = idle.filter((agent) => dueAtMs(state, agent) <= nowMs);
  const leaving = due.length === 0 ? [] : chooseLeaving(state, due.sort(leastUsefulFirst(state)));
  for (const agent of leaving) {
    agent.released = reasonFor(state, leaving.length);
    out.event({ type: 'agent.released', agentId: agent.agentId, reason: agent.released });
  }
  for (const agent of leaving) {
    release.slots += slotsOf(state, agent);
    release.count++;
    refreshAgent(state, agent);
    out.tellAgent(agent.agentId);
    membershipChanged(state);
  }
  const later = idle.map((agent) => dueAtMs(state, agent)).filter((atMs) => atMs > nowMs);
  return later.length === 0 ? null : Math.min(...later);
}

/** Cheap: most steps end here. */
function mayRelease(state: SchedulerState): boolean {
  const { session, openRuns, config, usable } = state;
  if (session.settings.releaseEarly !== true || config.releaseIdleMs === 0) return false;
  if (session.phase === 'finished' || openRuns.size === 0 || usable.agents <= LEAST_AGENTS) return false;
  return isLast(state) && widthOf(state) < usable.slots;
}

/** The session ends with the runs that are open. */
function isLast({ session, openRuns, runs }: SchedulerState): boolean {
  if (session.finishWhenIdle !== null) return true;
  const { stopAgentsAfter } = session.settings;
  if (stopAgentsAfter.length === 0) return false;
  for (const runId of openRuns)
    if (runs.get(runId)?.requestedTargets.some((target) => stopAgentsAfter.includes(target)) === true)
      return true;
  return false;
}

/** It has nothing, and no task is about to get it. */
const isIdle = (agent: AgentState): boolean =>
  isUsable(agent) && agent.onlyRun === null && agent.idleSinceMs !== null && agent.heldFor === null;

/** Commands that run beside each other do not submit their runs at the same moment. */
const dueAtMs = ({ release, config }: SchedulerState, { idleSinceMs }: AgentState): number =>
  Math.max(idleSinceMs ?? Infinity, release.submittedAtMs) + config.releaseIdleMs;

/** Those without problems, then the largest and those that have done most stay: they have most of what tasks need on their disks. */
const leastUsefulFirst =
  (state: SchedulerState) =>
  (a: AgentState, b: AgentState): number =>
    Number(isReliable(state, a)) - Number(isReliable(state, b)) ||
    Number(isLarger(a, b)) - Number(isLarger(b, a)) ||
    a.finished - b.finished ||
    b.joinIndex - a.joinIndex;

/** @param due agents that may leave, in this order */
function chooseLeaving(state: SchedulerState, due: readonly AgentState[]): AgentState[] {
  const demands = demandsOf(state);
  const staying = new Set(
    [...state.agents.values()].filter((agent) => isUsable(agent) && agent.onlyRun === null),
  );
  // Without agents that pack, the same for all that might leave.
  const shared = state.packing.size === 0 ? new Supply(state, demands, staying) : null;
  const leaving: AgentState[] = [];
  for (const agent of due) {
    if (staying.size <= LEAST_AGENTS) break;
    staying.delete(agent);
    shared?.add(agent, -1);
    // A task that is too large for an agent that packs waits for a larger one: those that are smaller do not replace it.
    const supply =
      shared ??
      new Supply(
        state,
        demands,
        [...staying].filter((other) => !isLarger(agent, other)),
      );
    if (supply.isEnoughWithout(agent)) leaving.push(agent);
    else {
      staying.add(agent);
      shared?.add(agent, 1);
    }
  }
  return leaving;
}

function reasonFor(state: SchedulerState, leaving: number): Reason {
  const most = plural(widthOf(state), 'task');
  const stay = plural(state.usable.agents - leaving, 'agent');
  const message = `For the rest of the run, at most ${most} can run at the same time, and ${stay} will do (option releaseAgentsEarly).`;
  return { code: 'DTE_SESSION_FINISHED', message };
}
