import { readdirSync, readFileSync } from 'node:fs';
import { createTaskHost, type TaskRun } from '../../src';
import { taskGraphOf } from '../support/graph';

export interface HostStopInput {
  workspaceRoot: string;
  /** A task that prints `ready` once everything it starts is running. */
  id: string;
  graceMs: number;
  /** Part of the command lines to look for afterwards. */
  trace: string;
  /** A task to run afterwards in the same host. */
  then: string;
}

export interface HostStopResult {
  stopped: TaskRun;
  before: number;
  left: string[];
  /** What was left of it when its result was available. */
  leftAtResult: string[];
  /** Is there an entry of the stopped task in the cache of this machine? */
  cached: boolean;
  next: TaskRun;
  /** A task that was stopped before Nx had started anything for it. */
  early: TaskRun;
}

const traces = (trace: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(trace) ? [line] : [];
      } catch {
        return [];
      }
    });

/** Stops a running task and checks what is left of it. */
export async function run(input: HostStopInput): Promise<HostStopResult> {
  const host = await createTaskHost({ workspaceRoot: input.workspaceRoot });
  const { raw, graph } = taskGraphOf(host.projectGraph, ['build', 'test']);
  const [task, then] = [graph.tasks[input.id], graph.tasks[input.then]];
  if (!task || !then) throw new Error('no such task');
  let running: Promise<TaskRun> | undefined;
  await new Promise<void>((ready) => {
    running = host.runTask({
      task,
      fullTaskGraph: raw,
      onOutput: (chunk) => {
        if (chunk.includes('ready\n')) ready();
      },
    });
  });
  const before = traces(input.trace).length;
  const stopping = host.stopTask(input.graceMs);
  const stopped = await (running as unknown as Promise<TaskRun>);
  const leftAtResult = traces(input.trace);
  await stopping;
  const cached = (await host.cache.lookupLocal([{ ...task, hash: stopped.hash }])).size > 0;
  const next = await host.runTask({ task: then, fullTaskGraph: raw });
  const started = host.runTask({ task, fullTaskGraph: raw });
  await host.stopTask(input.graceMs);
  const early = await started;
  const left = traces(input.trace);
  await host.close();
  return { stopped, before, left, leftAtResult, cached, next, early };
}
