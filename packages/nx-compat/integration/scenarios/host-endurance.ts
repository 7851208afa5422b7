import { createTaskHost } from '../../src';
import { taskGraphOf } from '../support/graph';

export interface HostEnduranceInput {
  workspaceRoot: string;
  rounds: number;
}

export interface HostEnduranceResult {
  statuses: Record<string, number>;
  warnings: string[];
  listeners: { first: number; last: number };
  /** Megabytes on the heap after collecting garbage, a fifth of the way through and at the end. */
  heap: { first: number; last: number };
}

const countListeners = (): number =>
  [process, process.stdout, process.stderr].reduce(
    (sum, emitter) => sum + emitter.eventNames().reduce((n, event) => n + emitter.listenerCount(event), 0),
    0,
  );

const heapMb = (): number => {
  global.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

/** Runs the same few tasks over and over in one host. */
export async function run({ workspaceRoot, rounds }: HostEnduranceInput): Promise<HostEnduranceResult> {
  const warnings: string[] = [];
  process.on('warning', (warning) => warnings.push(String(warning)));
  const host = await createTaskHost({ workspaceRoot });
  const { raw, graph } = taskGraphOf(host.projectGraph, ['build']);
  const tasks = Object.values(graph.tasks);
  const statuses: Record<string, number> = {};
  let first = { heap: 0, listeners: 0 };
  for (let round = 0; round < rounds; round++) {
    const task = tasks[round % tasks.length];
    if (!task) throw new Error('no tasks');
    const { status } = await host.runTask({ task, fullTaskGraph: raw, skipCacheRead: true });
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (round === Math.floor(rounds / 5)) first = { heap: heapMb(), listeners: countListeners() };
  }
  const last = { heap: heapMb(), listeners: countListeners() };
  await host.close();
  return {
    statuses,
    warnings,
    listeners: { first: first.listeners, last: last.listeners },
    heap: { first: first.heap, last: last.heap },
  };
}
