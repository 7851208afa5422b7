import { nxOutputs } from '@org/dte-agent';
import { createStreamPrinter, type NxLifeCycle, type NxStatuses, type NxTask, type TaskGraph } from '@org/dte-nx-compat';
import { DteError, type EndedEntry, type ErrorCode, type RunLogEntry, type SessionInfo } from '@org/dte-protocol';
import { buildRunSpec, forwardedEnv, tableEstimator } from './build-run-spec';
import type { Command } from './command-of';
import { followRun, type Following } from './follow-run';
import { describeHashDifference } from './hash-difference';
import type { Ending } from './leftovers';
import { placeInTime } from './place-in-time';
import type { Plan } from './plan';
import type { Prepared } from './prepare';
import { progressLine } from './progress';
import { Reporter } from './reporter';
import { createRestorer, type Restorer } from './restore';
import { RestoreQueue } from './restore-queue';
import type { Voice } from './say';
import { settleFromCache, type Hit } from './settle-cache';
import { startLine } from './summary';

export interface DistributedRunOptions {
  readonly prepared: Prepared;
  readonly runId: string;
  readonly command: Command;
  readonly graph: TaskGraph;
  readonly plan: Plan;
  readonly lifeCycle: NxLifeCycle;
  readonly voice: Voice;
}

/** The coordinator is well; only nobody is there to work. */
const AGENTS_GONE: readonly ErrorCode[] = ['DTE_NO_AGENTS', 'DTE_SESSION_FINISHED'];

/** The distributed part of one nx command: what is known of its tasks, and everything that makes it known. */
export class DistributedRun {
  /** How tasks ended, as far as it is beyond doubt. */
  readonly endings = new Map<string, Ending>();
  readonly statuses: NxStatuses = {};
  readonly byAgent = new Map<string, number>();
  retried = 0;
  fromCache = 0;
  /** True when the coordinator is not to be relied on any more. */
  coordinatorLost = false;
  private readonly startMs = Date.now();
  private readonly restores: RestoreQueue;
  private readonly restorer: Restorer;
  private readonly reporter: Reporter;
  private readonly explained = new Set<string>();
  private readonly refused = new Set<string>();
  private following: Following | null = null;
  private introduced = false;

  constructor(private readonly options: DistributedRunOptions) {
    const { prepared, runId, lifeCycle, command } = options;
    const { cache, session, workspaceRoot } = prepared;
    const { limits } = prepared.resolved;
    this.restores = new RestoreQueue(limits.restoreConcurrency);
    this.restorer = createRestorer({ cache, http: session.http, outputs: nxOutputs(workspaceRoot), workspaceRoot, runId, limits });
    this.reporter = new Reporter({ lifeCycle, streams: command.streams, createPrinter: createStreamPrinter });
  }

  /** Resolves when nothing more can be expected of agents and caches, with the reason if that is trouble. */
  async execute(): Promise<DteError | null> {
    try {
      const hits = await this.submit();
      hits.forEach((hit) => this.restoreHit(hit));
      const trouble = await this.follow(hits.length);
      this.coordinatorLost = trouble !== null && !AGENTS_GONE.includes(trouble.code);
      return trouble;
    } catch (thrown) {
      this.coordinatorLost = true;
      return DteError.from(thrown);
    } finally {
      await this.restores.idle();
      await this.reporter.idle();
      this.say(this.coordinatorLost ? 'cancel' : 'close');
    }
  }

  /** Stops what runs on agents; resolves when they have stopped. */
  async cancel(): Promise<void> {
    this.following?.cancel();
    await this.following?.over;
  }

  private async submit(): Promise<Hit[]> {
    const { prepared, graph, plan, runId, command } = this.options;
    const { config, limits } = prepared.resolved;
    const { workspaceRoot, cache, session } = prepared;
    const hits = await settleFromCache({
      graph, pending: plan.pending, cache, http: session.http, outputs: nxOutputs(workspaceRoot), workspaceRoot, runId, limits,
      skipNxCache: command.skipNxCache, skipRemoteCache: command.skipRemoteCache,
    });
    const tasks = plan.pending.map((id) => graph.tasks[id] as NxTask);
    const spec = buildRunSpec({
      runId, command: command.text, requestedTargets: command.requestedTargets, graph, plan, hits,
      parallel: command.parallel, nxBail: command.nxBail, skipNxCache: command.skipNxCache, verbose: command.verbose,
      streamOutput: tasks.some(command.streams),
      env: forwardedEnv(process.env, config.forwardEnv),
      estimator: tableEstimator(config.weights),
    });
    await session.http.submitRun(spec);
    return hits;
  }

  private async follow(hits: number): Promise<DteError | null> {
    const { prepared, runId, plan, voice, graph } = this.options;
    const { limits } = prepared.resolved;
    const following = followRun({
      connection: prepared.session.connection,
      runId,
      expected: plan.pending.length + plan.noop.length - hits,
      limits,
      info: prepared.session.info(),
      onEntry: (entry) => this.onEntry(entry),
      onOutput: ({ taskId, attempt, offset, data }) => {
        const task = graph.tasks[taskId];
        if (task !== undefined) this.reporter.output(task, attempt, offset, data);
      },
      onSession: (info) => this.onSession(info),
    });
    this.following = following;
    let last = '';
    const progress = setInterval(() => {
      const line = progressLine(following.summary(), this.restores.pending);
      if (line !== last) voice.line(line);
      last = line;
    }, limits.progressMs);
    try {
      return await following.over;
    } finally {
      await this.restores.idle();
      clearInterval(progress);
    }
  }

  private onSession(info: SessionInfo): void {
    const { voice, command, prepared } = this.options;
    if (!this.introduced && info.state === 'open') {
      this.introduced = true;
      voice.line(startLine(info.sessionId, info.agents, command.parallel, prepared.resolved.limits.agentWaitMs));
    }
    for (const { name, reason } of info.refused) {
      const key = `${name} ${reason.code}`;
      if (this.refused.has(key)) continue;
      this.refused.add(key);
      this.explainOnce(new DteError(reason.code, `Agent ${name} was refused: ${reason.message}`));
    }
  }

  private onEntry(entry: RunLogEntry): void {
    const task = this.options.graph.tasks[entry.taskId];
    if (task === undefined) return;
    switch (entry.type) {
      case 'started':
        this.report(this.reporter.started(task));
        break;
      case 'retried':
        this.retried += 1;
        if (this.options.command.verbose) {
          this.options.voice.line(`dte: ${entry.taskId} is tried again, attempt ${entry.attempt} on ${entry.agent.name}: ${entry.reason.message}`);
        }
        break;
      case 'ended':
        this.onEnded(task, entry);
        break;
    }
  }

  private onEnded(task: NxTask, entry: EndedEntry): void {
    const finished = entry.result?.kind === 'finished' ? entry.result : null;
    const isOurs = entry.status === 'failure' && (finished === null || finished.reason !== null);
    if (isOurs || entry.status === 'returned') this.explainReturned(task, entry);
    if (entry.status === 'success' || (entry.status === 'failure' && !isOurs)) this.takeResult(task, entry, entry.status);
    // A failure that is no fault of the task: this job finds out what the task really does.
    else this.endings.set(task.id, entry.status === 'failure' ? 'returned' : entry.status);
  }

  private takeResult(task: NxTask, entry: EndedEntry, status: 'success' | 'failure'): void {
    const finished = entry.result?.kind === 'finished' ? entry.result : null;
    const { cache } = this.options.prepared;
    // A failure is a fact from here on, whatever becomes of its output.
    if (status === 'failure') this.settle(task, 'failure', 'failure');
    const restored = this.restores.add(task.id, this.dependenciesOf(task), async () => {
      try {
        return await this.restorer.restore(task, finished?.artifact ?? { kind: 'none' });
      } catch (thrown) {
        const error = DteError.from(thrown);
        if (status === 'success') throw error;
        return `${error.explain()}\n`;
      }
    });
    const reported = restored.then(async (terminalOutput) => {
      if (task.hash === undefined && finished?.hash) {
        task.hash = finished.hash;
      }
      cache.recordTaskDetails([task]);
      const times = placeInTime(finished ?? { startMs: Date.now(), endMs: Date.now() }, this.startMs, Date.now());
      task.startTime = times.startMs;
      task.endTime = times.endMs;
      const cached = status === 'success' && finished?.fromCache != null;
      if (entry.agent !== null && !cached) this.byAgent.set(entry.agent.name, (this.byAgent.get(entry.agent.name) ?? 0) + 1);
      if (cached) this.fromCache += 1;
      const shown = cached ? 'remote-cache' : status;
      await this.reporter.ended({
        task, status: shown, code: status === 'success' ? 0 : finished?.code || 1, terminalOutput, attempt: entry.attempt,
      });
      this.settle(task, status, shown);
    });
    this.report(reported, task);
  }

  private restoreHit({ taskId }: Hit): void {
    const task = this.options.graph.tasks[taskId] as NxTask;
    const { cache } = this.options.prepared;
    const fetched = this.restores.add(taskId, this.dependenciesOf(task), () => cache.fetch(task));
    const reported = fetched.then(async (found) => {
      if (found.kind !== 'local' && found.kind !== 'remote') {
        throw new DteError('DTE_ARTIFACT_MISSING', `The cached outputs of ${taskId} could not be fetched${found.kind === 'error' ? `: ${found.message}` : ''}.`);
      }
      const { code, terminalOutput } = found.entry;
      const status = code === 0 ? (`${found.kind}-cache` as const) : 'failure';
      task.endTime = Date.now();
      this.fromCache += 1;
      await this.reporter.ended({ task, status, code, terminalOutput, attempt: null });
      this.settle(task, code === 0 ? 'success' : 'failure', status);
    });
    this.report(reported, task);
  }

  private settle(task: NxTask, ending: 'success' | 'failure', status: NxStatuses[string]): void {
    this.endings.set(task.id, ending);
    this.statuses[task.id] = status;
  }

  /** Lets a task whose result could not be taken over run here; nothing of ours may end the command. */
  private report(step: Promise<unknown>, task?: NxTask): void {
    step.catch((thrown: unknown) => {
      this.explainOnce(DteError.from(thrown));
      if (task !== undefined && this.endings.get(task.id) !== 'failure') this.endings.set(task.id, 'returned');
    });
  }

  private explainReturned(task: NxTask, entry: EndedEntry): void {
    const finished = entry.result?.kind === 'finished' ? entry.result : null;
    const reason = finished?.reason ?? entry.reason;
    if (reason === null || this.options.prepared.session.connection.state.name === 'closed') return;
    const difference = describeHashDifference(task.hashDetails, finished?.hashDetails ?? null);
    const message = difference === null ? reason.message : `${reason.message} ${difference}`;
    this.explainOnce(new DteError(reason.code, `${message} The main job runs ${task.id} itself.`));
  }

  /** One explanation of each kind is enough; a hundred tasks may have the same trouble. */
  private explainOnce(error: DteError): void {
    if (this.explained.has(error.code)) return;
    this.explained.add(error.code);
    this.options.voice.explain(error);
  }

  private dependenciesOf(task: NxTask): string[] {
    return (this.options.graph.dependencies[task.id] ?? []).map(({ id }) => id);
  }

  private say(want: 'cancel' | 'close'): void {
    const { connection } = this.options.prepared.session;
    connection.send({ type: 'main.sync', runId: this.options.runId, ackSeq: 0, want });
  }
}
