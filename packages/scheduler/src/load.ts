import type { AgentState, RunState, SchedulerState } from './state';

/** How much there is to do in a session, and who does it. */
export interface Load {
  /** Connected agents. */
  readonly agents: number;
  /** Those of them that take no more work. */
  readonly leaving: number;
  /** Slots of connected agents, and those of them that tasks take. */
  readonly slots: number;
  readonly busy: number;
  /** Tasks of open runs: an agent may run them now; they run; they wait for others. */
  readonly ready: number;
  readonly running: number;
  readonly waiting: number;
}

const sum = <T>(items: Iterable<T>, of: (item: T) => number): number => {
  let total = 0;
  for (const item of items) total += of(item);
  return total;
};

const leasedIn = ({ leases }: RunState, isRunning: boolean): number =>
  sum(leases.values(), ({ open, place }) => ((place === 'slot') === isRunning ? open.size : 0));
/** What waits on an agent for a slot is ready: another agent would run it now. */
const readyIn = (run: RunState): number => sum(run.lanes, ({ ready }) => ready.length) + leasedIn(run, false);
const runningIn = (run: RunState): number => leasedIn(run, true);

/** Cheap: it visits agents and leases, and no tasks. */
export function loadOf({ agents, runs, openRuns, defaultSlots }: SchedulerState): Load {
  const connected = [...agents.values()].filter((agent) => agent.connected);
  const open = [...openRuns].map((id) => runs.get(id)).filter((run) => run !== undefined);
  const [ready, running] = [sum(open, readyIn), sum(open, runningIn)];
  const busyOf = ({ leases }: AgentState): number => sum(leases, ({ cost }) => cost);
  return {
    agents: connected.length,
    leaving: connected.filter(({ draining, released }) => draining || released !== null).length,
    slots: sum(connected, ({ slots }) => slots ?? defaultSlots ?? 0),
    busy: sum(connected, busyOf),
    ready,
    running,
    waiting: Math.max(0, sum(open, ({ total, done }) => total - done) - ready - running),
  };
}
