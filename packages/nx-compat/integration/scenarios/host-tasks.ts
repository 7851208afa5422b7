import { createTaskHost, type TaskRun } from '../../src';
import { taskGraphOf } from '../support/graph';

export interface HostTasksInput {
  workspaceRoot: string;
  targets: string[];
  /** Ids, in the order to run them. */
  order: string[];
  remoteCache?: { url: string; token: string };
  /** Restore these first and report the result. */
  restore?: { id: string; hash: string }[];
  skipCacheRead?: boolean;
  rerun?: boolean;
  storeFailure?: boolean;
}

export interface HostTasksResult {
  remoteKind: string;
  restored: Record<string, string>;
  runs: Record<string, TaskRun & { live: string }>;
}

/** Runs tasks one after another in one host. */
export async function run(input: HostTasksInput): Promise<HostTasksResult> {
  const host = await createTaskHost({ workspaceRoot: input.workspaceRoot, remoteCache: input.remoteCache });
  const { raw, graph } = taskGraphOf(host.projectGraph, input.targets);
  const restored: Record<string, string> = {};
  for (const { id, hash } of input.restore ?? []) {
    const task = graph.tasks[id];
    if (task) restored[id] = (await host.restore({ ...task, hash })).kind;
  }
  const runs: HostTasksResult['runs'] = {};
  for (const id of input.order) {
    const task = graph.tasks[id];
    if (!task) throw new Error(`no task ${id}`);
    let live = '';
    const ended = await host.runTask({
      task,
      fullTaskGraph: raw,
      skipCacheRead: input.skipCacheRead,
      rerun: input.rerun,
      storeFailure: input.storeFailure,
      onOutput: (chunk) => (live += chunk),
    });
    runs[id] = { ...ended, live };
  }
  const { remoteKind } = host;
  await host.close();
  return { remoteKind, restored, runs };
}
