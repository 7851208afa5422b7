import { brokenBy } from '@org/dte-nx-compat';
import { type ClosureEntry, type LimitValues, type TaskSpec, DteError } from '@org/dte-protocol';
import { type OutputsPort, nxReader, nxWriter, type HttpClient, httpClient } from '@org/dte-client';
import { type Channel } from './channel';
import { type CreateHost, HostHolder } from './host';
import { DriftWitness } from './drift-witness';
import {
  type AttemptRef,
  type GoMessage,
  type ResultMessage,
  type RunMessage,
  type ServeMessage,
  type Served,
  type ToExecutor,
  NOTE_CHARS,
  keyOf,
  refOf,
} from './ipc';
import { LiveOutput } from './live-output';
import { Measuring } from './measuring';
import { newsOf } from './news';
import { reasonOf } from './reason';
import { serve } from './serve';
import { serversOf } from './servers-of';
import { withEndangered } from './also-restore';
import { producedBy } from './produced-by';
import { recordOnce } from './record-once';
import { restoreAll } from './restore-all';
import { type RestoreContext, restoreMember } from './restore-closure';
import { SharedByRun } from './shared-by-run';
import { type AttemptHooks, findTask, nxFailed, runAttempt } from './run-attempt';
import { runBatch } from './run-batch';
import { cacheUseOf } from './cache-use';
import { type Run, RunCache } from './run-cache';

import { environmentOf } from './run-environment';

export interface ExecutorOptions {
  readonly workspaceRoot: string;
  readonly limits: LimitValues;
  readonly env: NodeJS.ProcessEnv;
  readonly outputs: OutputsPort;
  readonly createHost: CreateHost;
  /** `storedGraph` of another executor of this agent; undefined: this is the first. */
  readonly sharedGraph?: string | undefined;
  readonly channel: Channel;
}

interface Current {
  readonly ref: AttemptRef;
  readonly abort: AbortController;
  /** Members that other executors restore: settled by `elsewhere`. */
  readonly awaiting: Map<string, (ok: boolean) => void>;
  readonly restored: Map<string, boolean>;
  /** Settled by `go`. */
  go: (message: GoMessage) => void;
  /** Settled by `served`. */
  served: (outcome: Served) => void;
  /** Called when an entry of Nx's cache is packed, before it is sent. */
  packed: (hash: string, code: number) => Promise<void>;
}

/** One slot of an agent: runs one attempt at a time, with an Nx that is set up once. */
export class Executor {
  private readonly host: HostHolder;
  private readonly runs = new RunCache();
  private readonly http: HttpClient;
  private readonly witness: DriftWitness;
  private readonly shared: SharedByRun;
  private current: Current | null = null;
  private downloadedBytes = 0;

  constructor(private readonly options: ExecutorOptions) {
    this.http = httpClient({
      url: () => this.address().url,
      token: () => this.address().token,
      limits: options.limits,
      // A coordinator that restarts costs time, but no attempt.
      retryForMs: options.limits.coordinatorGraceMs,
      onDownload: (bytes) => (this.downloadedBytes += bytes),
      note: (line) => options.channel.send({ type: 'note', line: line.slice(0, NOTE_CHARS) }),
    });
    const { outputs, limits } = options;
    const reader = nxReader({ http: this.http, outputs, limits });
    const writer = nxWriter({
      http: this.http,
      limits,
      onPacked: async (hash, code) => this.current?.packed(hash, code),
    });
    this.host = new HostHolder(options.createHost, { reader, writer }, options.sharedGraph);
    this.witness = new DriftWitness(options);
    this.shared = new SharedByRun(options);
  }

  /** Builds the project graph. Resolves with false if that fails; the supervisor has been informed. */
  async start(): Promise<boolean> {
    try {
      const { storedGraph } = await this.host.get();
      this.options.channel.send({ type: 'ready', graph: storedGraph });
      return true;
    } catch (thrown) {
      this.options.channel.send({ type: 'unable', reason: reasonOf(DteError.from(thrown)) });
      return false;
    }
  }

  receive(message: ToExecutor): void {
    switch (message.type) {
      case 'coordinator':
        this.host.setAddress({ url: message.url, token: message.token });
        // Prepared before the first task; if it fails, that task reports it.
        if (this.current === null) this.host.get().catch(() => undefined);
        break;
      case 'run':
        void this.run(message);
        break;
      case 'elsewhere':
        this.current?.awaiting.get(message.taskId)?.(message.ok);
        this.current?.restored.set(message.taskId, message.ok);
        break;
      case 'served':
        if (this.current !== null && keyOf(this.current.ref) === keyOf(message.ref))
          this.current.served(message.outcome);
        break;
      case 'go':
        this.go(message);
        break;
      case 'serve':
        void this.serve(message);
        break;
      case 'stop':
        if (this.current !== null && keyOf(this.current.ref) === keyOf(message.ref)) {
          this.current.abort.abort();
          void this.host.stopTask(message.graceMs);
        }
        break;
    }
  }

  /** Stops the processes of a running task. */
  stop(graceMs: number): Promise<void> {
    this.current?.abort.abort();
    return this.host.stopTask(graceMs);
  }

  private address(): { url: string; token: string } {
    if (this.host.address !== undefined) return this.host.address;
    throw new DteError('DTE_NO_COORDINATOR', 'The executor has not received the address of the coordinator.');
  }

  private async run(message: RunMessage): Promise<void> {
    const ref = refOf(message.assignment);
    const current: Current = {
      ref,
      abort: new AbortController(),
      awaiting: new Map(),
      restored: new Map(),
      go: () => undefined,
      served: () => undefined,
      packed: () => Promise.resolve(),
    };
    this.current = current;
    const { channel } = this.options;
    const { members } = message.assignment;
    const measuring = new Measuring(message.receivedMs, () => this.downloadedBytes);
    let produced: Pick<ResultMessage, 'outputs' | 'members'> = { outputs: [] };
    try {
      const context = await this.contextOf(message, current.abort.signal);
      const task = findTask(context, ref.taskId);
      produced = producedBy(context, task, members);
      measuring.enter('restore');
      await this.restoreClosure(context, message, current);
      measuring.enter('wait');
      current.abort.signal.throwIfAborted();
      const live = new LiveOutput({
        channel,
        ref,
        maxInFlight: this.options.limits.outputBufferBytes,
        isFollowed: message.assignment.streamOutput,
      });
      const hooks: AttemptHooks = {
        ...newsOf(channel, ref, () => produced.outputs),
        whenPacked: (work) => (current.packed = work),
        onOutput: (chunk) => live.push(chunk),
        slot: () => this.slot(context, message, current, measuring),
        serve: () => this.servers(context.run, task, message.forwarded, current),
        measuring,
      };
      const work =
        members === undefined
          ? runAttempt(context, message.assignment, task, hooks)
          : runBatch(context, message.assignment, members, hooks);
      const result = await work.finally(() => live.end());
      this.current = null;
      channel.send({ type: 'result', ref, result, ...produced });
    } catch (thrown) {
      this.current = null;
      const error = current.abort.signal.aborted
        ? new DteError('DTE_CANCELLED', `${ref.taskId} was stopped.`)
        : DteError.from(thrown);
      channel.send({
        type: 'result',
        ref,
        result: { kind: 'returned', reason: reasonOf(error) },
        ...produced,
      });
    } finally {
      measuring.close();
    }
  }

  private go(message: GoMessage): void {
    const { current } = this;
    if (current === null || keyOf(current.ref) !== keyOf(message.ref)) return;
    // They are restored once more, and what was said of the first time is no answer.
    for (const { taskId } of message.awaiting) {
      current.awaiting.delete(taskId);
      current.restored.delete(taskId);
    }
    current.go(message);
  }

  /** Waits until the agent has a slot for the attempt, and restores what other tasks have replaced meanwhile. */
  private async slot(
    context: RestoreContext,
    message: RunMessage,
    current: Current,
    measuring: Measuring,
  ): Promise<boolean> {
    if (message.waits !== true) return false;
    const { signal } = current.abort;
    measuring.enter('queued');
    const { restore, awaiting } = await new Promise<GoMessage>((resolve, reject) => {
      current.go = resolve;
      const stopped = () => reject(new DteError('DTE_CANCELLED', 'Stopped.'));
      signal.addEventListener('abort', stopped, { once: true });
      this.options.channel.send({ type: 'prepared', ref: current.ref });
    });
    if (restore.length + awaiting.length > 0) {
      measuring.enter('restore');
      await this.restoreClosure(context, { ...message, restore, awaiting }, current);
    }
    measuring.enter('wait');
    return true;
  }

  /** Requests the servers of the task from the agent. Resolves with false if a server failed by its own fault. */
  private async servers(
    run: Run,
    task: TaskSpec,
    forwarded: RunMessage['forwarded'],
    current: Current,
  ): Promise<boolean> {
    const needs = serversOf(run, task, environmentOf(run.spec, forwarded));
    if (needs === null) return true;
    const { signal } = current.abort;
    const outcome = await new Promise<Served>((resolve, reject) => {
      current.served = resolve;
      const stopped = () => reject(new DteError('DTE_CANCELLED', 'Stopped.'));
      signal.addEventListener('abort', stopped, { once: true });
      this.options.channel.send({ type: 'needs-servers', ref: current.ref, ...needs });
    });
    if (outcome.kind === 'unable') throw new DteError(outcome.reason.code, outcome.reason.message);
    return outcome.kind === 'up';
  }

  private async serve({ ref, specFile, forwarded }: ServeMessage): Promise<void> {
    const { channel, limits } = this.options;
    try {
      const run = await this.runs.get(ref.runId, specFile);
      const host = await this.host.get();
      host.enterRun(ref.runId, environmentOf(run.spec, forwarded));
      await serve({ host, run, ref, channel, maxInFlight: limits.outputBufferBytes });
    } catch (thrown) {
      const error = thrown instanceof DteError ? thrown : nxFailed(ref.taskId, brokenBy(thrown));
      channel.send({ type: 'server', ref, state: { name: 'unable', reason: reasonOf(error) } });
    }
  }

  private async contextOf(message: RunMessage, signal: AbortSignal): Promise<RestoreContext> {
    const { workspaceRoot, limits, outputs } = this.options;
    const run = await this.runs.get(message.assignment.runId, message.specFile);
    const host = await this.host.get();
    host.enterRun(run.spec.runId, environmentOf(run.spec, message.forwarded));
    host.cache.limit((taskId) => cacheUseOf(run.tasks.get(taskId)?.sharing));
    recordOnce(run, host);
    const { agentName } = message;
    const { http, witness } = this;
    const shared = this.shared.of(run, message);
    return { host, http, run, workspaceRoot, outputs, limits, signal, agentName, witness, shared };
  }

  private async restoreClosure(
    context: RestoreContext,
    message: RunMessage,
    current: Current,
  ): Promise<void> {
    const { channel } = this.options;
    const { awaiting, restoreConcurrency: concurrency } = message;
    const mine = new Set(message.restore);
    const restore = await withEndangered(message.assignment.closure, message, context.shared);
    const restoreOne = async (entry: ClosureEntry): Promise<void> => {
      if (!mine.has(entry)) {
        await restoreMember(context, entry);
        return;
      }
      const said = { type: 'restored', ref: current.ref, taskId: entry.taskId } as const;
      try {
        current.abort.signal.throwIfAborted();
        const { outputs, kept, seen } = await restoreMember(context, entry);
        channel.send({ ...said, ok: true, outputs: [...outputs], kept: [...kept], seen: [...seen] });
      } catch (thrown) {
        channel.send({ ...said, ok: false, outputs: [], kept: [], seen: [] });
        throw thrown;
      }
    };
    const overlapping = (taskId: string): readonly string[] => context.shared.overlapping(taskId);
    await restoreAll({
      restore,
      awaiting,
      concurrency,
      overlapping,
      restoreOne,
      elsewhere: (taskId) => elsewhere(current, taskId),
    });
  }
}

/** Waits for another executor of this agent; false if it failed there. */
function elsewhere(current: Current, taskId: string): Promise<boolean> {
  const known = current.restored.get(taskId);
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    current.awaiting.set(taskId, resolve);
    current.abort.signal.addEventListener('abort', () => reject(new DteError('DTE_CANCELLED', 'Stopped.')), {
      once: true,
    });
  });
}
