import { OutputSharing, SharedOutputs } from '@org/dte-agent';
import { nxOutputs } from '@org/dte-client';
import {
  bailStopsTasks,
  countsServers,
  createStreamPrinter,
  resolveNx,
  type LateHasher,
  type NxLifeCycle,
  type NxProjectGraph,
  type TaskGraph,
  type TerminalUi,
} from '@org/dte-nx-compat';
import { DteError, type ErrorCode, type RunLogEntry, type SessionInfo } from '@org/dte-protocol';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placeTasks } from '../assignment/placements';
import { dataDirOf } from '../data-folder/data-folder';
import { AttemptKeeper } from '../report/attempt-keeper';
import { buildRunSpec, commandEnv, tableEstimator } from '../submit/build-run-spec';
import { withoutBlocked, type Remaining } from '../submit/cached-failures';
import type { Command } from '../prepare/command-of';
import { createInvestigator } from '../drift/investigator';
import { Trouble } from '../drift/trouble';
import { Explainer } from '../report/explainer';
import { followRun, type Following } from '../follow/follow-run';
import { createLateHashes, type LateHashes } from '../submit/late-hashes';
import { MainWorker } from '../worker/main-worker';
import { OutputsHere } from '../outputs/outputs-here';
import { forwardEnv } from '../submit/forward-env';
import { Groups } from '../results/groups';
import { taskOf, type Plan } from '../tasks/plan';
import type { Prepared } from '../prepare/prepare';
import { progressLine } from '../report/progress';
import { Reporter } from '../report/reporter';
import { createRestorer } from '../outputs/restore';
import type { RestorePolicy } from '../outputs/restore-policy';
import { RestoreQueue } from '../outputs/restore-queue';
import { RunResults } from '../results/run-results';
import { Retries } from '../report/retries';
import type { CommandVoice } from '../report/say';
import { settleFromCache } from '../submit/settle-cache';
import { startLine } from '../report/summary';
import { WorkerKeeper } from '../worker/worker-keeper';

export interface DistributedRunOptions {
  readonly prepared: Prepared;
  readonly runId: string;
  readonly command: Command;
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  readonly plan: Plan;
  readonly policy: RestorePolicy;
  /** Task id -> name of its batch. */
  readonly batches: ReadonlyMap<string, string>;
  readonly hasher: LateHasher;
  /** Names of the variables whose values go to the agents. */
  readonly forwardedEnv: readonly string[];
  readonly lifeCycle: NxLifeCycle;
  readonly voice: CommandVoice;
  /** Null: the command prints as it goes. */
  readonly ui: TerminalUi | null;
}

function sharedOutputsOf({ graph, prepared }: DistributedRunOptions, folder: string): SharedOutputs {
  const { workspaceRoot, resolved } = prepared;
  const tasks = Object.values(graph.tasks).map(({ id, outputs }) => ({
    id,
    outputs,
    dependencies: (graph.dependencies[id] ?? []).map((edge) => edge.id),
  }));
  const sharing = new OutputSharing(tasks);
  const waitMs = resolved.limits.sharedOutputsMs;
  return new SharedOutputs({ workspaceRoot, port: nxOutputs(workspaceRoot), sharing, folder, waitMs });
}

/** The coordinator is well; only nobody is there to work. */
const AGENTS_GONE: readonly ErrorCode[] = ['DTE_NO_AGENTS', 'DTE_UNREACHABLE', 'DTE_SESSION_FINISHED'];

/** The distributed part of one nx command. */
export class DistributedRun {
  readonly results: RunResults;
  readonly outputs: OutputsHere;
  readonly retries: Retries;
  /** True when the coordinator is not to be relied on any more. */
  coordinatorLost = false;
  private readonly restores: RestoreQueue;
  private readonly reporter: Reporter;
  private readonly explainer: Explainer;
  private readonly worker: WorkerKeeper;
  private readonly refused = new Set<string>();
  /** Fetched from a remote cache for the hash of another task. */
  private readonly fetchedBefore = new Set<string>();
  private following: Following | null = null;
  private stopForwarding: () => void = () => undefined;
  private introduced = false;
  private readonly stopsAtFailure: boolean;
  private readonly sharedFolder: string;

  constructor(private readonly options: DistributedRunOptions) {
    const { prepared, runId, lifeCycle, command, graph, plan, projectGraph, voice } = options;
    const { cache, session, workspaceRoot } = prepared;
    const { limits, config } = prepared.resolved;
    const outputs = nxOutputs(workspaceRoot);
    this.explainer = new Explainer(voice);
    this.sharedFolder = join(tmpdir(), `dte-shared-${runId}`);
    this.stopsAtFailure = command.nxBail && bailStopsTasks(workspaceRoot);
    this.restores = new RestoreQueue(limits.restoreConcurrency);
    const restorer = createRestorer({ cache, http: session.http, outputs, workspaceRoot, runId, limits });
    const { policy } = options;
    this.outputs = new OutputsHere({
      ...{ graph, policy, restorer, restores: this.restores, explainer: this.explainer },
      shared: sharedOutputsOf(options, this.sharedFolder),
    });
    this.worker = new WorkerKeeper({
      ...{ config, limits, disk: this.outputs, voice },
      start: (slots) => new MainWorker({ prepared, runId, slots, disk: this.outputs }),
    });
    const { ui } = options;
    this.reporter = new Reporter({
      ...{ lifeCycle, streams: command.streams, ui },
      createPrinter: (task) => ui?.printer(task.id) ?? createStreamPrinter(task, projectGraph),
    });
    this.results = new RunResults({
      graph,
      cache,
      skipNxCache: command.skipNxCache,
      reporter: this.reporter,
      outputs: this.outputs,
      explainer: this.explainer,
      trouble: new Trouble({
        explainer: this.explainer,
        line: (text) => voice.line(text),
        judges: config.onHashMismatch === 'auto',
        investigator: createInvestigator({
          workspaceRoot,
          projectGraph,
          limits,
          policy: config.onHashMismatch,
          forwardedEnv: options.forwardedEnv,
        }),
      }),
      onLateFailure: () => {
        if (this.stopsAtFailure) this.following?.cancel();
      },
      groups: new Groups({
        ...{ graph, ids: plan.noop, cache, hasher: options.hasher, outputs: this.outputs },
        ...{ explainer: this.explainer, skipNxCache: command.skipNxCache },
        skipRemoteCache: command.skipRemoteCache,
      }),
      servers: { servers: plan.servers, counted: countsServers(resolveNx(workspaceRoot)) },
      startMs: Date.now(),
      onBatchLog: (title, log) => voice.line(`${title}\n${log.replace(/\n$/, '')}`),
    });
    const dataDir = dataDirOf(prepared.resolved, workspaceRoot);
    this.retries = new Retries({
      ...{ graph, voice, verbose: command.verbose, streams: command.streams },
      keeper: new AttemptKeeper({ http: session.http, dataDir, workspaceRoot, runId, limits }),
    });
  }

  /** Resolves when nothing more can be expected of agents and caches, with the reason if that is trouble. */
  async execute(): Promise<DteError | null> {
    try {
      const { plan, hits } = await this.submit();
      hits.forEach((hit) => this.results.onHit(hit));
      const isPlanned = new Set([...plan.pending, ...plan.noop]);
      const settled = hits.filter(({ taskId }) => isPlanned.has(taskId));
      const trouble = await this.follow(isPlanned.size - settled.length);
      this.coordinatorLost = trouble !== null && !AGENTS_GONE.includes(trouble.code);
      return trouble;
    } catch (thrown) {
      this.coordinatorLost = true;
      return DteError.from(thrown);
    } finally {
      await this.results.idle();
      await this.retries.idle();
      this.leave();
      // Before anything else runs here.
      await this.worker.close();
    }
  }

  /** Removes what only this command needs. */
  async close(): Promise<void> {
    await rm(this.sharedFolder, { recursive: true, force: true });
  }

  /** What nothing will run any more. */
  skip(taskIds: readonly string[]): void {
    this.results.skip(taskIds);
  }

  /** Stops what runs on agents; resolves when they have stopped. */
  async cancel(): Promise<void> {
    this.following?.cancel();
    await this.following?.over;
    await this.worker.close();
  }

  private async submit(): Promise<Remaining> {
    const { prepared, graph, batches, runId, command, forwardedEnv } = this.options;
    const { config, limits } = prepared.resolved;
    const { workspaceRoot, cache, session } = prepared;
    const { skipNxCache, skipRemoteCache, requestedTargets, parallel, nxBail, verbose } = command;
    const { http } = session;
    const outputs = nxOutputs(workspaceRoot);
    const found = await settleFromCache({
      ...{
        graph,
        pending: this.options.plan.pending,
        batches,
        cache,
        http,
        outputs,
        workspaceRoot,
        runId,
        limits,
      },
      ...{ skipNxCache, skipRemoteCache },
      inTurn: (task, work) => this.outputs.inTurn(task, work),
      late: this.lateHashes(),
    });
    const marked = found.map((hit) =>
      this.fetchedBefore.has(hit.taskId) ? { ...hit, from: 'remote' as const } : hit,
    );
    const remaining = withoutBlocked(graph, this.options.plan, marked, nxBail);
    const { plan, hits } = remaining;
    const spec = buildRunSpec({
      ...{ runId, command: command.text, requestedTargets, graph, plan, batches, hits },
      ...{ parallel, nxBail, skipNxCache, verbose },
      streamOutput: plan.pending.some((id) => command.streams(taskOf(graph, id))),
      env: commandEnv(process.env, forwardedEnv),
      ...{ forwardedEnv, onHashMismatch: config.onHashMismatch },
      estimator: tableEstimator(config.weights),
      placing: placeTasks(
        prepared.assignment,
        plan.pending.map((id) => taskOf(graph, id)),
      ),
      placementWaitMs: limits.agentWaitMs,
      taskTimeoutMs: config.taskTimeoutMs,
      isLeft: (task) => this.outputs.isLeft(task),
      retries: config.retries,
      retryFlaky: config.retryFlaky,
    });
    await http.submitRun(spec);
    const { connection } = session;
    this.stopForwarding = await forwardEnv({
      ...{ connection, http, runId, names: forwardedEnv, env: process.env },
      onTrouble: (error) => this.explainer.explain(error),
    });
    // In one transaction, while the agents begin, instead of one for each result.
    cache.recordTaskDetails(this.options.plan.pending.map((id) => taskOf(graph, id)));
    return remaining;
  }

  private lateHashes(): LateHashes {
    const { graph, plan, batches, hasher, prepared } = this.options;
    const { cache, resolved } = prepared;
    return createLateHashes({
      ...{ graph, plan, batches, hasher, concurrency: resolved.limits.restoreConcurrency },
      isLeft: (task) => this.outputs.isLeft(task),
      bring: (task) =>
        this.outputs.inOrder(task, async () => {
          const { kind } = await cache.fetch(task);
          if (kind === 'remote') this.fetchedBefore.add(task.id);
          return kind === 'local' || kind === 'remote';
        }),
    });
  }

  private async follow(expected: number): Promise<DteError | null> {
    const { prepared, runId, voice, graph } = this.options;
    const { limits } = prepared.resolved;
    if (expected > 0) this.worker.begin();
    const endsAll = (entry: RunLogEntry): boolean =>
      entry.type === 'ended' && entry.status === 'failure' && this.stopsAtFailure;
    const following: Following = followRun({
      connection: prepared.session.connection,
      runId,
      expected,
      limits,
      reports: () => prepared.session.reports(),
      info: prepared.session.info(),
      onEntry: (entry) => {
        this.retries.onEntry(entry);
        this.results.onEntry(entry);
        if (endsAll(entry)) following.cancel();
      },
      onOutput: (piece) => {
        const task = graph.tasks[piece.taskId];
        if (task !== undefined) this.reporter.output(task, piece);
      },
      onSession: (info) => this.onSession(info),
    });
    this.following = following;
    let last = '';
    const progress = setInterval(() => {
      const line = progressLine(following.summary(), this.restores.pending);
      if (line !== last) voice.progress(line);
      last = line;
    }, limits.progressMs);
    try {
      return await following.over;
    } finally {
      await this.results.idle();
      clearInterval(progress);
    }
  }

  private onSession(info: SessionInfo): void {
    this.worker.onSession(info);
    const { voice, command, prepared } = this.options;
    if (!this.introduced && info.state === 'open') {
      this.introduced = true;
      const { agentWaitMs } = prepared.resolved.limits;
      voice.line(startLine(info.sessionId, info.agents, command.parallel, agentWaitMs));
    }
    for (const { name, reason } of info.refused) {
      const key = `${name ?? reason.message} ${reason.code}`;
      if (this.refused.has(key)) continue;
      this.refused.add(key);
      const said = name === null ? reason.message : `Agent ${name} was refused: ${reason.message}`;
      this.explainer.explain(new DteError(reason.code, said), said);
    }
  }

  /** Tells the coordinator that this run needs nothing more; what still runs of it is stopped. */
  private leave(): void {
    this.stopForwarding();
    const { connection } = this.options.prepared.session;
    const ackSeq = this.following?.ackSeq() ?? 0;
    const want = this.coordinatorLost ? 'cancel' : 'close';
    connection.send({ type: 'main.sync', runId: this.options.runId, ackSeq, want });
  }
}
