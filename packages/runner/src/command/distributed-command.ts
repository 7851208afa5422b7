import {
  createLateHasher,
  environmentOfHooks,
  normaliseTaskGraph,
  pathMatcher,
  type NxRunnerContext,
  type NxRunnerOptions,
  type NxStatuses,
  type TaskGraph,
  type TerminalUi,
} from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import { failureLinesOf } from '@org/dte-report';
import { randomUUID } from 'node:crypto';
import { Chronicle } from '../chronicle/chronicle';
import { EventFile } from '../chronicle/event-file';
import { exportTrace, traceEndpointOf } from '../chronicle/export-trace';
import { beginReports } from '../chronicle/report-folder';
import { LiveEvents } from '../chronicle/live-events';
import { readModel, writeReports } from '../chronicle/write-reports';
import { dataDirOf, historyDirOf } from '../data-folder/data-folder';
import { tellAgents } from '../embedded/tell-agents';
import { openJobLog, type OpenedLog } from '../job-log/open-job-log';
import { withSections } from '../job-log/sections';
import { MainSide } from '../on-main/main-side';
import { noteAbsent } from '../outputs/note-absent';
import { restorePolicy, type RestorePolicy } from '../outputs/restore-policy';
import { commandOf, type Command } from '../prepare/command-of';
import { hookVariables } from '../prepare/hook-variables';
import type { Prepared } from '../prepare/prepare';
import { failureLines } from '../report/failed-jobs';
import type { CommandVoice } from '../report/say';
import { endLine } from '../report/summary';
import { SharedResults } from '../shared-cache/shared-results';
import { leftovers } from '../tasks/leftovers';
import { planRun, type Plan } from '../tasks/plan';
import { batchesFor } from '../tasks/plan-batches';
import { DistributedRun } from './distributed-run';
import { historyBookOf, sessionBookOf } from '../why/book-file';
import { MissReasons } from '../why/miss-reasons';
import { runHere } from './run-here';
import { cancelOnSignal } from './signals';

export interface DistributedCommandOptions {
  readonly prepared: Prepared;
  readonly options: NxRunnerOptions;
  readonly context: NxRunnerContext;
  readonly voice: CommandVoice;
  /** Null: the command prints as it runs. */
  readonly ui: TerminalUi | null;
}

/** One distributed nx command: the part that agents do, then the rest, then the report about both. */
export class DistributedCommand {
  private readonly startMs = Date.now();
  private readonly runId = randomUUID();
  private readonly graph: TaskGraph;
  private readonly command: Command;
  private readonly chronicle: Chronicle;
  private readonly events: EventFile;
  /** Null: the coordinator is this job's own, and nobody looks at it. */
  private readonly live: LiveEvents | null;
  private readonly given: DistributedCommandOptions;
  /** Null: nothing is known of who reads the output. */
  private readonly jobLog: OpenedLog | null;
  /** Tasks that this job has run itself. */
  private here = 0;
  /** What is returned to Nx; null until that is known. */
  private statuses: NxStatuses | null = null;

  constructor(given: DistributedCommandOptions) {
    const { options, context, ui, prepared, voice } = given;
    this.graph = normaliseTaskGraph(context.taskGraph);
    beginReports(this.dataDirOf(prepared), prepared.surroundings.job);
    this.events = new EventFile(this.dataDirOf(prepared), prepared.session.id, (thrown) =>
      voice.line(`dte: there is no report of this command: ${String(thrown)}`),
    );
    this.live = prepared.rendezvous.isAddressGiven ? new LiveEvents(prepared.session.http) : null;
    this.chronicle = new Chronicle({
      runId: this.runId,
      graph: this.graph,
      file: {
        write: (event) => {
          this.events.write(event);
          this.live?.write(event);
        },
      },
    });
    const said = commandOf(options, context, process.argv);
    // Each task has its own screen.
    this.command = ui === null ? said : { ...said, streams: () => true };
    const streams = Object.values(this.graph.tasks).some((task) => this.command.streams(task));
    this.jobLog = ui === null ? openJobLog(prepared, streams) : null;
    this.given = { ...given, options: this.shownBy(options), voice: this.chronicle.hearing(voice) };
  }

  private shownBy(options: NxRunnerOptions): NxRunnerOptions {
    const { jobLog, runId, chronicle } = this;
    if (jobLog?.sections !== true) return options;
    const placeOf = (taskId: string): string | null => chronicle.placeOf(taskId);
    return { ...options, lifeCycle: withSections(options.lifeCycle, { log: jobLog.log, runId, placeOf }) };
  }

  async run(): Promise<NxStatuses> {
    const { graph, command } = this;
    const { prepared, options, context, voice } = this.given;
    await options.lifeCycle.startCommand?.(command.parallel, command.parallel);
    this.chronicle.begin(command, options.lifeCycle);
    const misses = this.missReasons();
    const forwardedEnv = this.forwardedEnv();
    const shared = this.sharedResults();
    const mainSide = new MainSide({ prepared, graph, context, command, voice });
    const onMain = await mainSide.tasks();
    const plan = planRun(graph, context.projectGraph, context.initiatingTasks ?? [], onMain.keys());
    const run = await this.openRun({ plan, forwardedEnv, shared });
    try {
      const trouble = await this.untilOver(run);
      const ended = await this.runRest(run, { plan, mainSide, trouble });
      const statuses = await shared.finish(ended, run.coordinatorLost);
      this.chronicle.over(statuses);
      this.statuses = statuses;
      return statuses;
    } finally {
      await mainSide.note(run.results.endings, run.outputs.absent, this.runId);
      this.jobLog?.log.surface();
      await options.lifeCycle.endCommand?.();
      await run.close();
      await this.sumUp(run);
      if (this.statuses !== null) await misses.finish(this.statuses);
      await this.report(run);
      await this.jobLog?.close();
    }
  }

  /** Nothing waits for it. The fragment of the link is its credential: for one session, read only, for some hours. */
  private async sayLink(): Promise<void> {
    const { prepared, voice } = this.given;
    const link = (await this.live?.link(() => prepared.session.connection.url())) ?? null;
    if (link !== null) voice.line(`dte: live report: ${link}`);
  }

  private missReasons(): MissReasons {
    const { graph, command, runId } = this;
    const { prepared, context, voice } = this.given;
    const { resolved, workspaceRoot, session } = prepared;
    return new MissReasons({
      runId,
      graph,
      projectGraph: context.projectGraph,
      workspaceRoot,
      limits: resolved.limits,
      commit: session.commit,
      skipNxCache: command.skipNxCache,
      verbose: command.verbose,
      historyFile: historyBookOf(historyDirOf(resolved, workspaceRoot), session.id),
      sessionFile: sessionBookOf(this.dataDirOf(prepared), session.id),
      onMiss: (taskId, miss) => this.chronicle.miss(taskId, miss),
      line: (text) => voice.line(text),
    });
  }

  private dataDirOf({ resolved, workspaceRoot }: Prepared): string {
    return dataDirOf(resolved, workspaceRoot);
  }

  /** The reports are about all commands of the job so far: it may end after this one. */
  private async report({ results }: DistributedRun): Promise<void> {
    const { prepared, voice } = this.given;
    await Promise.all([this.events.flush(), this.live?.end()]);
    const dataDir = this.dataDirOf(prepared);
    const { job } = prepared.surroundings;
    try {
      const model = await writeReports({ dataDir, sessionId: prepared.session.id, job });
      if (this.jobLog !== null) this.tellFailures(failureLinesOf(model, this.runId));
    } catch (thrown) {
      voice.line(`dte: there is no report of this command: ${String(thrown)}`);
      if (this.jobLog !== null) this.tellFailures(failureLines(results.failedOn));
    }
    await this.exportTrace();
  }

  private async exportTrace(): Promise<void> {
    const { prepared, voice } = this.given;
    const { env } = process;
    if (traceEndpointOf(env) === null) return;
    const { authorities } = prepared.surroundings;
    const sessionId = prepared.session.id;
    const problem = await readModel(this.dataDirOf(prepared), sessionId)
      .then((model) => exportTrace({ model, sessionId, runId: this.runId, env, authorities }))
      .catch((thrown: unknown) => DteError.from(thrown).message);
    if (problem !== null) voice.line(`dte: there is no trace of this command: ${problem}`);
  }

  /** At the very end of the log, where people look first. */
  private tellFailures(lines: readonly string[]): void {
    for (const line of lines) this.given.voice.line(line);
  }

  private sharedResults(): SharedResults {
    const { graph, command, runId, chronicle } = this;
    const { prepared, context, voice } = this.given;
    return new SharedResults({
      prepared,
      runId,
      graph,
      projectGraph: context.projectGraph,
      command,
      voice,
      onOrigin: (taskId, origin) => chronicle.hit(taskId, origin),
    });
  }

  private async openRun({ plan, forwardedEnv, shared }: Planned): Promise<DistributedRun> {
    const { graph, command, runId } = this;
    const { prepared, options, context, voice, ui } = this.given;
    const { projectGraph } = context;
    const policy = this.policy();
    return new DistributedRun({
      prepared,
      runId,
      command,
      graph,
      projectGraph,
      plan,
      batches: await batchesFor(context, graph, plan, command.batch),
      policy,
      hasher: createLateHasher(context.hasher, projectGraph, graph, prepared.workspaceRoot),
      lifeCycle: options.lifeCycle,
      voice,
      ui,
      sections: this.jobLog?.sections === true,
      forwardedEnv,
      shared,
      chronicle: this.chronicle,
      onIntroduced: () => void this.sayLink(),
    });
  }

  private policy(): RestorePolicy {
    const { prepared, context } = this.given;
    const { config } = prepared.resolved;
    return restorePolicy({
      config,
      graph: this.graph,
      projectGraph: context.projectGraph,
      isRequested: this.command.isRequested,
      matches: pathMatcher(prepared.workspaceRoot, config.restoreGlobs),
    });
  }

  private forwardedEnv(): readonly string[] {
    const { prepared, voice } = this.given;
    const { resolved, workspaceRoot } = prepared;
    const ofHooks = environmentOfHooks(workspaceRoot);
    const { names, note } = hookVariables(resolved.config.forwardEnv, ofHooks, workspaceRoot);
    if (note !== null) voice.line(note);
    return names;
  }

  private async untilOver(run: DistributedRun): Promise<DteError | null> {
    const { prepared, ui } = this.given;
    const release = cancelOnSignal(process, prepared.resolved.limits.killMs, () => run.cancel());
    // If Nx's own runner has something left to run here, it replaces this callback by its own.
    ui?.onQuit(() => process.kill(process.pid, 'SIGINT'));
    try {
      return await run.execute();
    } finally {
      release();
    }
  }

  /** Runs everything that agents have not done, for any reason. */
  private async runRest(run: DistributedRun, { plan, mainSide, trouble }: Rest): Promise<NxStatuses> {
    const { prepared, options, context, voice } = this.given;
    const { results, outputs, coordinatorLost } = run;
    // Deliberately released agents (--stop-agents-after) are not a problem.
    if (trouble?.code === 'DTE_SESSION_FINISHED') voice.line(`dte: ${trouble.message}`);
    else if (trouble !== null) voice.explain(trouble);
    // In parallel with the rest: nothing waits for it.
    const told = coordinatorLost && trouble !== null ? leaveAlone(prepared, trouble) : undefined;
    const rest = leftovers(this.graph, results.endings, this.command.nxBail, plan.servers);
    results.skip(rest.skipped);
    await results.finishServers(rest);
    // It runs again if its outputs were lost with the coordinator: otherwise, its dependents would not find them.
    const again = await outputs.bringFor(rest.run, coordinatorLost);
    const taskIds = [...rest.run, ...again];
    this.here = taskIds.length;
    const lacking = await mainSide.bringEarlier(taskIds, coordinatorLost);
    await results.failHere(lacking);
    const failed = [...lacking.keys()];
    const ran = await runHere({ taskIds, failed, coordinatorLost, prepared, options, context });
    mainSide.ranHere(ran);
    await told;
    return { ...results.statuses, ...ran };
  }

  private async sumUp(run: DistributedRun): Promise<void> {
    const { prepared, voice } = this.given;
    const { byAgent, failedOn, fromCache } = run.results;
    // In a log that has an end for them, they are there.
    if (this.jobLog === null) this.tellFailures(failureLines(failedOn));
    for (const line of run.retries.lines()) voice.line(line);
    const retried = run.retries.count;
    const total = Object.keys(this.graph.tasks).length;
    const elapsedMs = Date.now() - this.startMs;
    voice.line(endLine({ byAgent, fromCache, retried, here: this.here, total, elapsedMs }));
    const { absent } = run.outputs;
    const { runId, command } = this;
    if (absent.size > 0) voice.line(await noteAbsent({ absent, runId, command: command.text, prepared }));
  }
}

/** What is known before the run is opened. */
interface Planned {
  readonly plan: Plan;
  readonly forwardedEnv: readonly string[];
  readonly shared: SharedResults;
}

/** What is known before the rest of a command runs. */
interface Rest {
  readonly plan: Plan;
  readonly mainSide: MainSide;
  /** Why agents do nothing more; null: they have done what they could. */
  readonly trouble: DteError | null;
}

/** Releases agents that wait for a lost coordinator: it will not return. */
const leaveAlone = (prepared: Prepared, trouble: DteError): Promise<boolean> => {
  const { resolved, surroundings, rendezvous, session } = prepared;
  return tellAgents({ resolved, job: surroundings.job, rendezvous, sessionId: session.id }, trouble);
};
