import { createTaskHost, planBatches, type TaskRun } from '../../src';
import { taskGraphOf } from '../support/graph';

export interface HostBatchesInput {
  workspaceRoot: string;
  targets: string[];
  batch?: boolean;
  /** Only plan, once for each of these. */
  plans?: { batch?: boolean; env?: Record<string, string> }[];
  remoteCache?: { url: string; token: string };
  /** Hash them first, like a main job. Default: true. */
  hashed?: boolean;
  /** Stop the first batch when it prints this. */
  stopOn?: string;
}

export interface HostBatchesResult {
  /** Name of a batch -> its tasks. */
  batches: Record<string, string[]>;
  /** The names of the batches of each plan. */
  planned: string[][];
  tasks: Record<string, TaskRun | null>;
  logs: Record<string, string>;
  live: Record<string, string>;
  broken: Record<string, string | undefined>;
  stopped: string[];
  /** Batches with a frozen process, which were stopped. */
  frozen: string[];
  /** What was reported about processes of the executor. */
  working: Record<string, boolean[]>;
}

const FROZEN_MS = 300;

/** Runs the batches of a command one after another in one host; tasks without a batch are skipped. */
export async function run(input: HostBatchesInput): Promise<HostBatchesResult> {
  const { workspaceRoot, targets, batch, remoteCache, hashed = true, stopOn } = input;
  const host = await createTaskHost({ workspaceRoot, remoteCache });
  const { raw, graph } = taskGraphOf(host.projectGraph, targets);
  const { projectGraph } = host;
  const batchOf = await planBatches({
    projectGraph,
    taskGraph: raw,
    batch,
    workspaceRoot,
    env: process.env,
  });
  const result: HostBatchesResult = {
    batches: {},
    tasks: {},
    logs: {},
    live: {},
    broken: {},
    stopped: [],
    frozen: [],
    planned: [],
    working: {},
  };
  for (const plan of input.plans ?? []) {
    const planned = await planBatches({
      projectGraph,
      taskGraph: raw,
      batch: plan.batch,
      workspaceRoot,
      env: plan.env ?? {},
    });
    result.planned.push([...new Set(planned.values())]);
  }
  for (const [id, name] of batchOf) (result.batches[name] ??= []).push(id);
  for (const [name, ids] of Object.entries(result.batches)) {
    ids.sort();
    const tasks = [];
    for (const id of ids) {
      const task = graph.tasks[id];
      if (!task) throw new Error(`no task ${id}`);
      // A main job hashes before the command starts.
      const known = hashed ? { hash: (await host.hashTask({ ...task, hash: '?' }, raw)).value } : {};
      tasks.push({ ...task, cache: true, ...known });
    }
    let live = '';
    const working: boolean[] = (result.working[name] = []);
    const ended = await host.runBatch({
      tasks,
      fullTaskGraph: raw,
      onWorking: (isWorking) => working.push(isWorking),
      frozen: {
        limitMs: FROZEN_MS,
        onFrozen: () => {
          result.frozen.push(name);
          void host.stopTask(100);
        },
      },
      onOutput: (chunk) => {
        live += chunk;
        if (stopOn !== undefined && live.includes(stopOn)) void host.stopTask();
      },
    });
    Object.assign(result.tasks, Object.fromEntries(ended.tasks));
    result.logs[name] = ended.log;
    result.live[name] = live;
    result.broken[name] = ended.broken?.why;
    if (ended.stopped) result.stopped.push(name);
  }
  await host.close();
  return result;
}
