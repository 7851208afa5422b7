import { at, dependenciesOf, taskOf } from './lookup';
import type { AgentState, RunState, SchedulerState, TaskRecord } from './state';

/** Direct dependencies whose agents are considered. More would not improve the choice. Not a limit: nothing is rejected for it. */
const MAX_LOCALITY_DEPENDENCIES = 64;
/**
 * What outputs take from one disk to another, packed, sent and unpacked: 50 MB a second, a slow network of a CI cluster. Assumed and
 * not configurable: it only decides between agents that are both free, and how early a task is given to its agent.
 */
const MOVED_BYTES_PER_MS = 50_000;
/** How much longer a task is assumed to take for each further task that runs on its machine: memory and disk are shared, cores less so. */
const SLOWER_PER_NEIGHBOUR = 0.1;
/** What a task takes of which nothing is known, in ms. */
const UNKNOWN_MS = 10_000;

/** Of the direct dependencies that an agent has made: how many they are, and how large their outputs. */
interface Near {
  readonly agent: AgentState;
  count: number;
  bytes: number;
}

/** The size of its outputs, as far as it was told. */
const bytesOf = ({ outputs }: TaskRecord): number =>
  outputs === null || outputs.artifact.kind === 'none' ? 0 : (outputs.artifact.outputs?.bytes ?? 0);

function nearAgents(state: SchedulerState, run: RunState, index: number): Near[] {
  const near = new Map<string, Near>();
  for (const dependency of dependenciesOf(run, index).slice(0, MAX_LOCALITY_DEPENDENCIES)) {
    const task = taskOf(run, dependency);
    state.operations++;
    const agent = task.madeOn === null ? undefined : state.agents.get(task.madeOn);
    if (agent === undefined) continue;
    const one = near.get(agent.agentId) ?? { agent, count: 0, bytes: 0 };
    near.set(agent.agentId, one);
    one.count++;
    one.bytes += bytesOf(task);
  }
  return [...near.values()];
}

/** What moving the direct dependencies of a task to an agent takes that has none of them, as far as their sizes are known. */
export function movingMs(state: SchedulerState, run: RunState, index: number): number {
  const near = nearAgents(state, run, index);
  return near.reduce((sum, { bytes }) => sum + bytes, 0) / MOVED_BYTES_PER_MS;
}

/**
 * The agent that is better than `best` because it has dependencies of the task on its disk, or undefined. Of agents that are equally
 * busy, any such dependency decides. A busier one is chosen if moving the bytes would take longer than the task loses beside its
 * neighbours.
 * @param accepts free agents that may have the task
 * @param neighbours how busy an agent is: its number of tasks, or any number that is greater by one for each
 */
export function nearer(
  state: SchedulerState,
  { run, index, best }: { readonly run: RunState; readonly index: number; readonly best: AgentState },
  accepts: (agent: AgentState) => boolean,
  neighbours: (agent: AgentState) => number,
): AgentState | undefined {
  const near = nearAgents(state, run, index);
  const here = near.find(({ agent }) => agent === best) ?? { agent: best, count: 0, bytes: 0 };
  const taskMs = at(run.graph.expectedMs, index) ?? UNKNOWN_MS;
  const lossOf = ({ agent, bytes }: Near): number =>
    SLOWER_PER_NEIGHBOUR * taskMs * (neighbours(agent) - neighbours(best)) +
    (here.bytes - bytes) / MOVED_BYTES_PER_MS;
  let first = here;
  for (const one of near) if (accepts(one.agent) && comesBefore(one, first, lossOf)) first = one;
  return first === here ? undefined : first.agent;
}

function comesBefore(one: Near, other: Near, lossOf: (near: Near) => number): boolean {
  const [loss, otherLoss] = [lossOf(one), lossOf(other)];
  if (loss !== otherLoss) return loss < otherLoss;
  return (
    one.count > other.count || (one.count === other.count && one.agent.joinIndex < other.agent.joinIndex)
  );
}
