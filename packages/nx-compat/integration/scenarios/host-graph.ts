import { createTaskHost } from '../../src';
import { taskGraphOf } from '../support/graph';

export interface HostGraphInput {
  workspaceRoot: string;
  sharedGraph?: string;
}

export interface HostGraphResult {
  stored: string | null;
  hash: string;
  projects: string[];
  /** Variables of this process that have to do with graphs. */
  variables: string[];
}

/** Opens a host and hashes a task. */
export async function run({ workspaceRoot, sharedGraph }: HostGraphInput): Promise<HostGraphResult> {
  const host = await createTaskHost({ workspaceRoot, sharedGraph });
  const { raw, graph } = taskGraphOf(host.projectGraph, ['build']);
  const task = graph.tasks['inferred:build'];
  if (!task) throw new Error('the plugin has not made its target');
  const { value } = await host.hashTask(task, raw);
  const result = {
    stored: host.storedGraph,
    hash: value,
    projects: Object.keys(host.projectGraph.nodes).sort(),
    variables: Object.keys(process.env).filter((name) => name.includes('GRAPH')),
  };
  await host.close();
  return result;
}
