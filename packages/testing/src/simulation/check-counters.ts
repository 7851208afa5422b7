import type { SchedulerState } from '@org/dte-scheduler';
import { demand } from './demand';
import type { Agent } from './session-record';

const slotsOf = (state: SchedulerState, { slots, pool }: Agent): number =>
  slots ?? Math.max(state.defaultSlots ?? 0, pool === null ? 0 : (state.pools.get(pool)?.slots ?? 0));

/** Every incremental counter must equal a full count. */
export function checkCounters(state: SchedulerState): void {
  const agents = [...state.agents.values()];
  const usable = agents.filter((agent) => agent.connected && !agent.draining && agent.onlyRun === null);
  demand(state.usable.agents === usable.length, 'usable agents are miscounted');
  const slots = usable.reduce((sum, agent) => sum + slotsOf(state, agent), 0);
  demand(state.usable.slots === slots, `there are ${slots} slots, not ${state.usable.slots}`);
  for (const [key, pool] of state.pools) {
    const members = usable.filter((agent) => agent.pool === key);
    demand(pool.usable === members.length, `agents of ${key} are miscounted`);
  }
  for (const agent of agents) {
    for (const lease of agent.leases) {
      demand(
        [state.runs.get(lease.runId)?.leases, state.runs.get(lease.runId)?.rivals].some(
          (leases) => leases?.get(lease.index) === lease,
        ),
        'an agent has a lease of its own',
      );
    }
    demand(
      agent.bytesWanted >= 0 && (agent.leases.size > 0 || agent.bytesWanted === 0),
      'bytes are miscounted',
    );
  }
  for (const run of state.runs.values()) {
    const leases = [...run.leases.values(), ...run.rivals.values()];
    demand(
      run.slotsUsed === leases.reduce((sum, lease) => sum + lease.cost, 0),
      `slots of ${run.runId} are miscounted`,
    );
    demand(
      leases.every((lease) => state.agents.get(lease.agentId)?.leases.has(lease) === true),
      'a lease has no agent',
    );
    demand(run.phase === 'running' || leases.length === 0, `${run.runId} is over and still has leases`);
    const leased = run.tasks.filter((task) => task.state.name === 'leased').length;
    demand(
      [...run.rivals].every(
        ([index, { agentId }]) => (run.leases.get(index)?.agentId ?? agentId) !== agentId,
      ),
      'a second start has no first, or on the same agent',
    );
    const open = [...run.leases.values()].reduce((sum, lease) => sum + lease.open.size, 0);
    demand(leased === open, `leases of ${run.runId} are miscounted`);
    const ready = run.tasks.filter(
      ({ state: { name }, batch }, index) =>
        name === 'ready' && (batch === null || run.batches[batch]?.unit[0] === index),
    ).length;
    const queued = run.lanes.reduce((sum, lane) => sum + lane.ready.length, 0);
    demand(ready === queued, `ready tasks of ${run.runId} are miscounted`);
  }
}
