import type { Capacity } from '@org/dte-protocol';
import { unitOf } from './batches';
import { at } from './lookup';
import type { AgentState, RunState } from './state';

/** A task that was never measured: one core, and what a test or a build of one project seldom exceeds. */
const UNKNOWN: Capacity = { cpus: 1, memoryBytes: 1024 ** 3 };
/** What the processes of an agent need themselves, the supervisor and each executor with its project graph, without what tasks add. */
const OWN_BYTES = 200 * 1024 ** 2;
/** A machine with less left than this is full: no task is that small. Shares of a core, and bytes. */
const LEAST: Capacity = { cpus: 0.05, memoryBytes: 32 * 1024 ** 2 };
/** Sums of fractions are not exact. */
const EPSILON = 1e-6;

/** What an agent takes to run this task; of a batch, which is one process, the most that one of its tasks needs. */
export function needOf(run: RunState, index: number): Capacity {
  let [cpus, memoryBytes] = [0, 0];
  for (const each of unitOf(run, index)) {
    const need = run.graph.needs.length === 0 ? null : at(run.graph.needs, each);
    cpus = Math.max(cpus, need?.cpus ?? UNKNOWN.cpus);
    memoryBytes = Math.max(memoryBytes, need?.memoryBytes ?? UNKNOWN.memoryBytes);
  }
  return { cpus, memoryBytes };
}

/** What the agent has for all of its tasks, with this many executors. */
const forTasks = ({ cpus, memoryBytes }: Capacity, slots: number): Capacity => ({
  cpus,
  memoryBytes: Math.max(0, memoryBytes - OWN_BYTES * (slots + 1)),
});

/**
 * The part of an agent that packs which a task takes, up to 1: of its cores, of its memory, or of its slots.
 * @param need as far as it was measured
 */
export function shareOf(
  need: { readonly [part in keyof Capacity]: number | null } | null,
  capacity: Capacity,
  slots: number,
): number {
  const room = forTasks(capacity, slots);
  const cpus = (need?.cpus ?? UNKNOWN.cpus) / room.cpus;
  const memory = (need?.memoryBytes ?? UNKNOWN.memoryBytes) / room.memoryBytes;
  return Math.min(1, Math.max(1 / slots, cpus, memory));
}

function leftOn(agent: AgentState, capacity: Capacity, slots: number): Capacity {
  const left = { ...forTasks(capacity, slots) };
  for (const { need } of agent.leases) {
    left.cpus -= need.cpus;
    left.memoryBytes -= need.memoryBytes;
  }
  return left;
}

const isWithin = (need: Capacity, limit: Capacity): boolean =>
  need.cpus <= limit.cpus + EPSILON && need.memoryBytes <= limit.memoryBytes;

/** True for an agent that packs and has no room for another task, whatever the task. */
export function isFull(agent: AgentState, slots: number): boolean {
  if (agent.capacity === null || agent.leases.size === 0) return false;
  return !isWithin(LEAST, leftOn(agent, agent.capacity, slots));
}

/** Does the machine have what the task needs beside the tasks that it has? An agent with a fixed number of slots always does. */
export function fitsBeside(agent: AgentState, need: Capacity, slots: number): boolean {
  const { capacity, leases } = agent;
  return capacity === null || leases.size === 0 || isWithin(need, leftOn(agent, capacity, slots));
}

/** Has it enough for the task while it runs nothing else? */
export const isLargeEnough = ({ capacity }: AgentState, need: Capacity, slots: number): boolean =>
  capacity === null || isWithin(need, forTasks(capacity, slots));

/** A fixed number of slots says that its tasks have what they need. */
export const isLarger = ({ capacity: one }: AgentState, { capacity: other }: AgentState): boolean => {
  if (one === null || other === null) return one === null && other !== null;
  return (
    one.memoryBytes > other.memoryBytes || (one.memoryBytes === other.memoryBytes && one.cpus > other.cpus)
  );
};
