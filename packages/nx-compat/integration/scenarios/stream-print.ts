import { createStreamPrinter, createTaskHost } from '../../src';
import { taskGraphOf } from '../support/graph';

export interface StreamPrintInput {
  workspaceRoot: string;
  id: string;
  prefixed: boolean;
}

/** Prints a task's streamed output like the main job, with chunks cut as a network might cut them. */
export async function run({ workspaceRoot, id, prefixed }: StreamPrintInput): Promise<string> {
  const host = await createTaskHost({ workspaceRoot });
  const { raw, graph } = taskGraphOf(host.projectGraph, ['build']);
  const task = graph.tasks[id];
  if (!task) throw new Error(`no task ${id}`);
  let live = '';
  await host.runTask({ task, fullTaskGraph: raw, onOutput: (chunk) => (live += chunk) });
  await host.close();
  process.env['NX_PREFIX_OUTPUT'] = String(prefixed);
  const printer = createStreamPrinter(task, host.projectGraph);
  for (let at = 0; at < live.length; at += 5) printer.write(live.slice(at, at + 5));
  printer.end();
  return live;
}
