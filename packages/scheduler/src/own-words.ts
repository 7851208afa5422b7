import {
  type AgentSync,
  type AttemptResult,
  type FinishedAttempt,
  LIMITS,
  type Work,
} from '@org/dte-protocol';
import { listedLease } from './holdings';
import { at, dependenciesOf, runOf, taskOf } from './lookup';
import type { Lease } from './lease';
import type { RunState, SchedulerState } from './state';

/** What is kept of a result whose attempt its agent does not hold: that there was one, which is worth an event. */
const NOT_HELD: AttemptResult = {
  kind: 'returned',
  reason: { code: 'DTE_NOT_HELD', message: 'The attempt is not assigned to the agent.' },
};

/**
 * A sync with what its agent has no say in taken out: results of attempts that it does not hold, and most of those attempts, tasks that are not of the
 * batch, servers that the task does not need. Nothing of that would be believed anyway; like this it is not written down
 * either, so that what an agent can put into the journal is bounded by what it was given to do. Gives the same object when
 * there is nothing to take out.
 */
export function ownWords(state: SchedulerState, agentId: string, sync: AgentSync): AgentSync {
  const agent = state.agents.get(agentId);
  const said = new Map<Lease, Work>();
  const leases = sync.work.map((each) => {
    // An agent whose joining is still in the queue before this holds nothing.
    const lease = agent === undefined ? undefined : listedLease(state, agent, each);
    if (lease !== undefined) said.set(lease, each);
    return lease;
  });
  let notHeld = 0;
  const work = sync.work.flatMap((each, nth): Work[] => {
    const lease = leases[nth];
    if (lease === undefined && ++notHeld > LIMITS.notHeldPerSync.value) return [];
    // What is said of an attempt last is what counts.
    if (lease !== undefined && said.get(lease) !== each) return [];
    if (each.phase.name !== 'completed') return [each];
    const { result } = each.phase;
    const own = lease === undefined ? NOT_HELD : ownResult(runOf(state, lease.runId), lease, result);
    return [own === result ? each : { ...each, phase: { name: 'completed', result: own } }];
  });
  const isSame = work.length === sync.work.length && work.every((each, nth) => each === sync.work[nth]);
  return isSame ? sync : { ...sync, work };
}

function ownResult(run: RunState, lease: Lease, result: AttemptResult): AttemptResult {
  switch (result.kind) {
    case 'returned':
      return result;
    case 'finished':
      return ownServers(run, lease.index, result);
    case 'batch': {
      const members = result.members.flatMap((member) => {
        const index = run.graph.indexOf.get(member.taskId);
        if (index === undefined || !lease.open.has(index)) return [];
        const own = member.result === null ? null : ownServers(run, index, member.result);
        return [own === member.result ? member : { ...member, result: own }];
      });
      const isSame =
        members.length === result.members.length &&
        members.every((each, nth) => each === result.members[nth]);
      return isSame ? result : { ...result, members };
    }
  }
}

function ownServers(run: RunState, index: number, result: FinishedAttempt): FinishedAttempt {
  const { servers = [] } = result;
  if (servers.length === 0) return result;
  const needed = serversOf(run, index);
  const said = new Set<string>();
  const own = servers.filter(({ taskId }) => {
    const isNews = needed.has(taskId) && !said.has(taskId);
    said.add(taskId);
    return isNews;
  });
  return own.length === servers.length ? result : { ...result, servers: own };
}

/** Ids of the servers that must run while the task does: its own, and what those need. */
function serversOf(run: RunState, index: number): Set<string> {
  const servers = new Set<number>();
  const add = (from: number): void => {
    for (const other of dependenciesOf(run, from))
      if (taskOf(run, other).kind === 'server') servers.add(other);
  };
  add(index);
  // A Set is walked in the order of insertion, additions included.
  for (const server of servers) add(server);
  return new Set(Array.from(servers, (server) => at(run.graph.ids, server)));
}
