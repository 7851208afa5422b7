import { isReliable, mostSecondStarts, ordinarySlots } from './free-agents';
import { capOn, fitsAgent, placementOfLane } from './lanes';
import { at, runOf } from './lookup';
import type { AgentState, Lane, PlacementState, RunState, SchedulerState } from './state';

/** What can run at the same time from now on, at most, among the tasks of one lane, and of all lanes that may take slots from them. */
interface Demand {
  readonly run: RunState;
  readonly lane: Lane;
  /** Tasks at the same time. */
  readonly tasks: number;
}

/** Lanes of open runs with tasks that have not ended. */
const openLanes = (state: SchedulerState): Omit<Demand, 'tasks'>[] =>
  [...state.openRuns].flatMap((runId) => {
    const run = runOf(state, runId);
    state.operations += run.lanes.length;
    return run.lanes.filter(({ width }) => width > 0).map((lane) => ({ run, lane }));
  });

/** How many tasks of all open runs can run at the same time from now on, at most. */
export const widthOf = (state: SchedulerState): number =>
  openLanes(state).reduce((sum, { lane }) => sum + lane.width, 0);

/** Is there, or could there be, an agent that both may use? */
function areRivals(one: PlacementState | null, other: PlacementState | null): boolean {
  if (one === null || other === null) return true;
  for (const key of one.pools.keys()) if (other.pools.has(key)) return true;
  return false;
}

export function demandsOf(state: SchedulerState): Demand[] {
  const lanes = openLanes(state);
  return lanes.map(({ run, lane }) => {
    const own = placementOfLane(run, lane);
    const rivals = lanes.filter((each) => areRivals(own, placementOfLane(each.run, each.lane)));
    state.operations += lanes.length;
    return { run, lane, tasks: rivals.reduce((sum, each) => sum + each.lane.width, 0) };
  });
}

const isServedBy = ({ run, lane }: Demand, agent: AgentState): boolean => fitsAgent(run, lane, agent);

/** Slots for the tasks of one demand. */
interface Slots {
  all: number;
  /** Of agents that run nothing. */
  idle: number;
  /** How many agents have so many of them. */
  readonly agents: Map<number, number>;
}

/** Slots for the tasks of each demand, of some agents. */
export class Supply {
  private readonly slots: readonly Slots[];

  constructor(
    private readonly state: SchedulerState,
    private readonly demands: readonly Demand[],
    agents: Iterable<AgentState>,
  ) {
    this.slots = demands.map(() => ({ all: 0, idle: 0, agents: new Map<number, number>() }));
    for (const agent of agents) this.add(agent, 1);
  }

  add(agent: AgentState, sign: 1 | -1): void {
    const own = this.slotsOf(agent);
    for (const [index, demand] of this.demands.entries()) {
      this.state.operations++;
      if (!isServedBy(demand, agent)) continue;
      const slots = at(this.slots, index);
      slots.all += sign * own;
      if (agent.idleSinceMs !== null) slots.idle += sign * own;
      slots.agents.set(own, (slots.agents.get(own) ?? 0) + sign);
    }
  }

  /** Is this enough for all tasks that the agent, which is not among them, could run? See `early-release.ts`. */
  isEnoughWithout(agent: AgentState): boolean {
    const { state, demands } = this;
    return demands.every((demand, index) => {
      const { run, tasks } = demand;
      if (!isServedBy(demand, agent)) return true;
      const { all, idle, agents } = at(this.slots, index);
      let largest = 0;
      for (const [slots, count] of agents) if (count > 0) largest = Math.max(largest, slots);
      const twice = run.mayBeLate ? Math.min(tasks, mostSecondStarts(state)) : 0;
      return all - largest >= tasks && all >= (1 + state.config.reserveSlots) * tasks && idle >= twice;
    });
  }

  /**
   * How many tasks it runs at the same time for certain, whichever of those that are left they are. A task that must run alone may be the
   * next one; and of tasks on an agent that packs, two may be too large to run beside each other.
   */
  private slotsOf(agent: AgentState): number {
    const { state, demands } = this;
    if (!isReliable(state, agent)) return 0;
    let slots = ordinarySlots(state, agent);
    if (agent.capacity !== null) slots = Math.min(slots, 1);
    for (const demand of demands) {
      const { run, lane } = demand;
      if (agent.slots === null) slots = Math.min(slots, run.parallel);
      if (isServedBy(demand, agent)) slots = Math.min(slots, capOn(run, lane, agent) ?? slots);
    }
    return slots;
  }
}
