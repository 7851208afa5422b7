import type { SchedulerState } from '@org/dte-scheduler';
import { demand } from './demand';
import type { Agent } from './session-record';

type Run = SchedulerState['runs'] extends Map<string, infer Each> ? Each : never;

const slotsOf = (state: SchedulerState, { slots, pool }: Agent): number =>
  slots ?? Math.max(state.defaultSlots ?? 0, pool === null ? 0 : (state.pools.get(pool)?.slots ?? 0));

/** It may get tasks. */
export const isServing = ({ connected, draining, released }: Agent): boolean =>
  connected && !draining && released === null;

/** Every incremental counter must equal a full count. */
export function checkCounters(state: SchedulerState): void {
  const agents = [...state.agents.values()];
  const usable = agents.filter((agent) => isServing(agent) && agent.onlyRun === null);
  demand(state.usable.agents === usable.length, 'usable agents are miscounted');
  const slots = usable.reduce((sum, agent) => sum + slotsOf(state, agent), 0);
  demand(state.usable.slots === slots, `there are ${slots} slots, not ${state.usable.slots}`);
  for (const [key, pool] of state.pools) {
    const members = usable.filter((agent) => agent.pool === key);
    demand(pool.usable === members.length, `agents of ${key} are miscounted`);
  }
  for (const agent of agents) checkAgent(state, agent);
  checkRecalls(state, agents);
  for (const run of state.runs.values()) checkRun(state, run);
}

function checkAgent(state: SchedulerState, agent: Agent): void {
  const all = [...agent.leases, ...agent.ahead];
  for (const lease of all) {
    demand(
      [state.runs.get(lease.runId)?.leases, state.runs.get(lease.runId)?.rivals].some(
        (leases) => leases?.get(lease.index) === lease,
      ),
      'an agent has a lease of its own',
    );
  }
  demand(agent.bytesWanted >= 0 && (all.length > 0 || agent.bytesWanted === 0), 'bytes are miscounted');
  const waiting = [...agent.ahead].filter(({ place, started }) => place === 'ahead' && !started);
  demand(waiting.length <= agent.spare, 'an agent prepares too much');
  demand(
    waiting.length > 0 === state.prefetch.holders.has(agent.agentId),
    'agents with an attempt that waits are miscounted',
  );
  demand(
    agent.ahead.size === 0 || agent.leases.size > 0 || waiting.length === 0,
    `${agent.agentId} has nothing to do and lets an attempt wait`,
  );
}

function checkRun(state: SchedulerState, run: Run): void {
  const leases = [...run.leases.values(), ...run.rivals.values()];
  demand(
    run.slotsUsed === leases.reduce((sum, { place, cost }) => sum + (place === 'slot' ? cost : 0), 0),
    `slots of ${run.runId} are miscounted`,
  );
  demand(
    leases.every((lease) => {
      const agent = state.agents.get(lease.agentId);
      return (lease.place === 'slot' ? agent?.leases : agent?.ahead)?.has(lease) === true;
    }),
    'a lease has no agent',
  );
  demand(
    run.ahead === leases.filter(({ place }) => place !== 'slot').length,
    `attempts of ${run.runId} that wait are miscounted`,
  );
  demand(run.phase === 'running' || leases.length === 0, `${run.runId} is over and still has leases`);
  const leased = run.tasks.filter((task) => task.state.name === 'leased').length;
  demand(
    [...run.rivals].every(([index, { agentId }]) => (run.leases.get(index)?.agentId ?? agentId) !== agentId),
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
  checkWaiting(run);
}

/** The slot time of tasks that have no agent. Sums of fractions are not exact. */
function checkWaiting({ runId, parallel, tasks, graph: { weightMs }, waitingMs }: Run): void {
  const expected = tasks.reduce((sum, { state: { name }, parallelism }, index) => {
    const isCounted = name !== 'leased' && name !== 'ended';
    return sum + (isCounted ? (weightMs[index] ?? 0) * (parallelism ? 1 : parallel) : 0);
  }, 0);
  demand(Math.abs(waitingMs - expected) < 1e-3, `${runId} has ${expected} ms that wait, not ${waitingMs}`);
}

function checkRecalls(state: SchedulerState, agents: readonly Agent[]): void {
  const recalled = agents.flatMap(({ ahead }) => [...ahead]).filter(({ place }) => place === 'recalled');
  demand(state.prefetch.recalling === recalled.length, 'attempts that are recalled are miscounted');
}
