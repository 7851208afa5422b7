import { OutputSharing, SharedOutputs } from '@org/dte-agent';
import { nxOutputs } from '@org/dte-client';
import {
  bailStopsTasks,
  countsServers,
  createStreamPrinter,
  resolveNx,
  type NxLifeCycle,
  type NxProjectGraph,
  type TerminalUi,
} from '@org/dte-nx-compat';
import { DteError, type ErrorCode, type RunLogEntry, type SessionInfo } from '@org/dte-protocol';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chronicle } from '../chronicle/chronicle';
import { dataDirOf } from '../data-folder/data-folder';
import { AttemptKeeper } from '../report/attempt-keeper';
import { OwnSideInvestigator } from '../drift/investigator';
import { Trouble } from '../drift/trouble';
import { Explainer } from '../report/explainer';
import { FollowedRun } from '../follow/followed-run';
import { MainWorker } from '../worker/main-worker';
import { OutputsHere } from '../outputs/outputs-here';
import { Groups } from '../results/groups';
import { taskOf } from '../tasks/plan';
import { progressLine } from '../report/progress';
import { Reporter } from '../report/reporter';
import { ArtifactRestorer } from '../outputs/restore';
import type { RestorePolicy } from '../outputs/restore-policy';
import { RestoreQueue } from '../outputs/restore-queue';
import { RunResults } from '../results/run-results';
import { Retries } from '../report/retries';
import type { CommandVoice } from '../report/say';
import type { SharedResults } from '../shared-cache/shared-results';
import { AgainRuns } from './again-runs';
import { submitRun, type CommandToSubmit } from '../submit/submit-run';
import { releasedLine, startLine } from '../report/summary';
import { WorkerKeeper } from '../worker/worker-keeper';

export interface DistributedRunOptions extends CommandToSubmit {
  readonly projectGraph: NxProjectGraph;
  readonly policy: RestorePolicy;
  readonly lifeCycle: NxLifeCycle;
  readonly voice: CommandVoice;
  /** Null: the command prints as it runs. */
  readonly ui: TerminalUi | null;
  /** What Nx prints of a task is shown as a section, which ends its last line. */
  readonly sections: boolean;
  readonly chronicle: Chronicle;
  readonly shared: SharedResults;
  /** The line about the session was printed. */
  readonly onIntroduced: () => void;
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

/** The coordinator is fine, but there are no agents. */
const AGENTS_GONE: readonly ErrorCode[] = ['DTE_NO_AGENTS', 'DTE_UNREACHABLE', 'DTE_SESSION_FINISHED'];

function reporterOf(options: DistributedRunOptions): Reporter {
  const { lifeCycle, command, ui, sections, projectGraph, voice } = options;
  return new Reporter({
    lifeCycle,
    streams: command.streams,
    ui,
    createPrinter: (task) => ui?.printer(task.id) ?? createStreamPrinter(task, projectGraph),
    onPrinted: (output) => voice.follows(sections ? '' : output),
  });
}

function troubleOf(options: DistributedRunOptions, explainer: Explainer): Trouble {
  const { prepared, projectGraph, forwardedEnv, voice } = options;
  const { config, limits } = prepared.resolved;
  return new Trouble({
    explainer,
    line: (text) => voice.line(text),
    judges: config.onHashMismatch === 'auto',
    investigator: new OwnSideInvestigator({
      workspaceRoot: prepared.workspaceRoot,
      projectGraph,
      limits,
      policy: config.onHashMismatch,
      forwardedEnv,
    }),
  });
}

function retriesOf({ prepared, runId, graph, voice, command }: DistributedRunOptions): Retries {
  const { session, workspaceRoot, resolved } = prepared;
  const dataDir = dataDirOf(resolved, workspaceRoot);
  const { limits } = resolved;
  return new Retries({
    graph,
    voice,
    verbose: command.verbose,
    streams: command.streams,
    keeper: new AttemptKeeper({ http: session.http, dataDir, workspaceRoot, runId, limits }),
  });
}

/** The distributed part of one nx command. */
export class DistributedRun {
  readonly results: RunResults;
  readonly outputs: OutputsHere;
  readonly retries: Retries;
  /** True if the coordinator can no longer be relied on. */
  coordinatorLost = false;
  private readonly restores: RestoreQueue;
  private readonly reporter: Reporter;
  private readonly explainer: Explainer;
  private readonly worker: WorkerKeeper;
  private readonly again: AgainRuns;
  private readonly refused = new Set<string>();
  private following: FollowedRun | null = null;
  private stopForwarding: () => void = () => undefined;
  private introduced = false;
  /** How many agents were released before the end, as far as was said. */
  private released = 0;
  private readonly stopsAtFailure: boolean;
  private readonly sharedFolder: string;

  constructor(private readonly options: DistributedRunOptions) {
    const { prepared, runId, command, voice } = options;
    this.explainer = new Explainer(voice);
    this.sharedFolder = join(tmpdir(), `dte-shared-${runId}`);
    this.stopsAtFailure = command.nxBail && bailStopsTasks(prepared.workspaceRoot);
    this.restores = new RestoreQueue(prepared.resolved.limits.restoreConcurrency);
    this.outputs = this.outputsHere();
    this.worker = this.workerKeeper();
    this.reporter = reporterOf(options);
    this.again = this.againRuns();
    this.results = this.runResults();
    this.retries = retriesOf(options);
  }

  private outputsHere(): OutputsHere {
    const { prepared, runId, graph, policy } = this.options;
    const { cache, session, workspaceRoot, resolved } = prepared;
    const restorer = new ArtifactRestorer({
      cache,
      http: session.http,
      outputs: nxOutputs(workspaceRoot),
      workspaceRoot,
      runId,
      limits: resolved.limits,
    });
    return new OutputsHere({
      runId,
      graph,
      policy,
      restorer,
      restores: this.restores,
      explainer: this.explainer,
      shared: sharedOutputsOf(this.options, this.sharedFolder),
    });
  }

  private workerKeeper(): WorkerKeeper {
    const { prepared, runId, voice } = this.options;
    const { config, limits } = prepared.resolved;
    const disk = this.outputs;
    return new WorkerKeeper({
      config,
      limits,
      disk,
      voice,
      start: (slots) => new MainWorker({ prepared, runId, slots, disk }),
    });
  }

  private againRuns(): AgainRuns {
    const { outputs, explainer } = this;
    const onEntry = (entry: RunLogEntry): void => this.note(entry);
    return new AgainRuns({ ...this.options, outputs, explainer, results: () => this.results, onEntry });
  }

  private runResults(): RunResults {
    const { prepared, graph, plan, command, voice } = this.options;
    const { cache, workspaceRoot } = prepared;
    return new RunResults({
      graph,
      cache,
      skipNxCache: command.skipNxCache,
      reporter: this.reporter,
      outputs: this.outputs,
      explainer: this.explainer,
      trouble: troubleOf(this.options, this.explainer),
      onLateFailure: () => {
        if (this.stopsAtFailure) this.following?.cancel();
      },
      groups: new Groups({
        graph,
        ids: plan.noop,
        cache,
        hasher: this.options.hasher,
        outputs: this.outputs,
        explainer: this.explainer,
        skipNxCache: command.skipNxCache,
        skipRemoteCache: command.skipRemoteCache,
      }),
      servers: { servers: plan.servers, counted: countsServers(resolveNx(workspaceRoot)) },
      startMs: Date.now(),
      makeAgain: (task, why) => this.again.make(task, why),
      onBatchLog: (title, log) => voice.line(`${title}\n${log.replace(/\n$/, '')}`),
    });
  }

  /** Resolves when nothing more can be expected from agents and caches, with the reason if there is a problem. */
  async execute(): Promise<DteError | null> {
    // The command has printed the reason.
    if (this.options.prepared.alone) {
      this.coordinatorLost = true;
      return null;
    }
    try {
      const { outputs, explainer } = this;
      const submitted = await submitRun({ ...this.options, outputs, explainer });
      const { plan, hits, stopForwarding } = submitted;
      this.options.chronicle.expected(submitted.expectedMs);
      this.stopForwarding = stopForwarding;
      this.recordTasks();
      for (const hit of hits) {
        this.options.shared.onHit(hit);
        this.results.onHit(hit);
      }
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
      // This must end before anything else runs here.
      await this.worker.close();
    }
  }

  /** Removes everything that only this command needs. */
  async close(): Promise<void> {
    await rm(this.sharedFolder, { recursive: true, force: true });
  }

  /** Stops what runs on agents; resolves when it has stopped. */
  async cancel(): Promise<void> {
    this.again.cancel();
    this.following?.cancel();
    await this.following?.over;
    await this.worker.close();
  }

  /** In one transaction while the agents start, instead of one for each result. */
  private recordTasks(): void {
    const { prepared, graph, plan } = this.options;
    prepared.cache.recordTaskDetails(plan.pending.map((id) => taskOf(graph, id)));
  }

  private async follow(expected: number): Promise<DteError | null> {
    const { prepared, runId, voice, graph } = this.options;
    const { limits } = prepared.resolved;
    if (expected > 0) this.worker.begin();
    const following = new FollowedRun({
      connection: prepared.session.connection,
      runId,
      expected,
      limits,
      stopsAtFailure: this.stopsAtFailure,
      reports: () => prepared.session.reports(),
      info: prepared.session.info(),
      onEntry: (entry) => {
        this.note(entry);
        this.results.onEntry(entry);
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

  private note(entry: RunLogEntry): void {
    this.options.chronicle.entry(entry);
    this.options.shared.onEntry(entry);
    this.retries.onEntry(entry);
  }

  private onSession(info: SessionInfo): void {
    this.worker.onSession(info);
    this.options.chronicle.session(info);
    const { voice, command, prepared } = this.options;
    if (!this.introduced && info.state === 'open') {
      this.introduced = true;
      const { agentWaitMs } = prepared.resolved.limits;
      voice.line(startLine(info.sessionId, info.agents, command.parallel, agentWaitMs));
      this.options.onIntroduced();
    }
    const released = releasedLine(this.released, info);
    this.released = info.released ?? 0;
    if (released !== null) voice.line(released);
    for (const { name, reason } of info.refused) {
      const key = `${name ?? reason.message} ${reason.code}`;
      if (this.refused.has(key)) continue;
      this.refused.add(key);
      const said = name === null ? reason.message : `Agent ${name} was rejected: ${reason.message}`;
      this.explainer.explain(new DteError(reason.code, said), said);
    }
  }

  /** Tells the coordinator that this run needs nothing more; tasks that still run are stopped. */
  private leave(): void {
    this.stopForwarding();
    const { connection } = this.options.prepared.session;
    const ackSeq = this.following?.ackSeq ?? 0;
    const want = this.coordinatorLost ? 'cancel' : 'close';
    connection.send({ type: 'main.sync', runId: this.options.runId, ackSeq, want });
  }
}
