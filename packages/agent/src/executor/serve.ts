import { type TaskHost } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import { type Channel } from './channel';
import { type AttemptRef, type ServerNews } from './ipc';
import { LiveOutput } from './live-output';
import { nxTaskOf } from './nx-task';
import { type Run } from './run-cache';
import { serverGraphOf } from './servers-of';

export interface ServeOptions {
  readonly host: TaskHost;
  readonly run: Run;
  readonly ref: AttemptRef;
  readonly channel: Channel;
  readonly maxInFlight: number;
}

/** Runs one server until this process is stopped, and reports what happens to it. */
export async function serve({ host, run, ref, channel, maxInFlight }: ServeOptions): Promise<void> {
  const say = (state: ServerNews): void => channel.send({ type: 'server', ref, state });
  const live = new LiveOutput({ channel, ref, maxInFlight, isFollowed: false });
  const spec = run.tasks.get(ref.taskId);
  if (spec === undefined) throw new DteError('DTE_UNKNOWN_TASK', `The run has no task ${ref.taskId}.`);
  const server = await host.startServer({
    task: nxTaskOf(spec),
    fullTaskGraph: serverGraphOf(run, ref.taskId),
    onOutput: (chunk) => live.push(chunk),
  });
  say({ name: 'started' });
  const trouble = await Promise.race([server.ready, server.ended]);
  if (trouble === null) say({ name: 'ready' });
  const { why, failed } = trouble ?? (await server.ended);
  // Its last output first: the receiver of the end shows it.
  live.end();
  say({ name: 'failed', why: why.slice(0, MAX_WHY), failed });
}

/** How much of an error is passed on. Not configurable: it is only text of a message. */
const MAX_WHY = 4096;
