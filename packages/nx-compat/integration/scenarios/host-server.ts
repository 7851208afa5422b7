import { createTaskHost } from '../../src';
import type { ServerEnd } from '../../src/host/types';
import { taskGraphOf } from '../support/graph';

export interface HostServerInput {
  workspaceRoot: string;
  /** A server, and a task that needs it. */
  server: string;
  user: string;
  /** Stop it after it has printed this; otherwise it ends by itself. */
  stopAt?: string;
}

export interface HostServerResult {
  probed: boolean;
  ready: ServerEnd | null;
  ended: ServerEnd;
  output: string;
}

/** Starts a server, waits until it is ready and has ended. */
export async function run(input: HostServerInput): Promise<HostServerResult> {
  const host = await createTaskHost({ workspaceRoot: input.workspaceRoot });
  const { raw, graph } = taskGraphOf(host.projectGraph, ['use']);
  const task = graph.tasks[input.server];
  if (!task || !graph.tasks[input.user]) throw new Error('no such task');
  let output = '';
  let printed: () => void = () => undefined;
  const seen = new Promise<void>((resolve) => (printed = resolve));
  const running = await host.startServer({
    task,
    fullTaskGraph: raw,
    onOutput: (chunk) => {
      output += chunk;
      if (input.stopAt !== undefined && output.includes(input.stopAt)) printed();
    },
  });
  const ready = await running.ready;
  if (input.stopAt !== undefined) {
    await seen;
    await host.stopTask(500);
  }
  const ended = await running.ended;
  return { probed: running.probed, ready, ended, output };
}
