import { codeOfFetch } from '@org/dte-client';
import {
  cacheMark,
  cachesFailures,
  type NxStatuses,
  type NxTask,
  type TaskCache,
  type TaskGraph,
} from '@org/dte-nx-compat';
import {
  DteError,
  type AgentRef,
  type EndedEntry,
  type FinishedAttempt,
  type RunLogEntry,
} from '@org/dte-protocol';
import type { Trouble } from '../drift/trouble';
import type { Explainer } from '../report/explainer';
import type { Groups } from './groups';
import { historyHash } from '../tasks/history-hash';
import { keepEntry } from './keep-entry';
import type { Ending, Leftovers } from '../tasks/leftovers';
import { withNote } from '../report/live-text';
import type { OutputsHere } from '../outputs/outputs-here';
import { placeInTime } from './place-in-time';
import { taskOf } from '../tasks/plan';
import type { Reporter } from '../report/reporter';
import { Servers, type ServersOptions } from './servers';
import type { Hit } from '../submit/settle-cache';
import { untaken } from '../report/untaken';

export interface ResultsOptions {
  readonly graph: TaskGraph;
  readonly cache: Pick<
    TaskCache,
    'fetch' | 'replays' | 'recordTaskDetails' | 'keepTerminalOutput' | 'keepHere'
  >;
  /** --skip-nx-cache: nothing is stored. */
  readonly skipNxCache: boolean;
  readonly reporter: Reporter;
  readonly outputs: OutputsHere;
  readonly explainer: Explainer;
  readonly trouble: Pick<Trouble, 'wordsFor' | 'explainReturned' | 'warnOfDrift'>;
  /** A task that came back has failed all the same: what `--nxBail` stops is to be stopped. */
  readonly onLateFailure: () => void;
  readonly groups: Pick<Groups, 'has' | 'end'>;
  /** The servers that agents start, and whether Nx counts them among the tasks of a command. */
  readonly servers: Pick<ServersOptions, 'servers' | 'counted'>;
  /** Hears what the process of a batch printed by itself, when the batch has ended. */
  readonly onBatchLog: (title: string, log: string) => void;
  readonly startMs: number;
}

interface HitTaken {
  readonly code: number;
  readonly terminalOutput: string;
  readonly status: ReturnType<typeof cacheMark> | 'failure';
}

const agentOf = ({ agent }: EndedEntry): string => agent?.name ?? '';

/** Takes over what caches and agents have done: outputs onto this disk, then the news to Nx, then the truth into `statuses`. */
export class RunResults {
  /** How tasks ended, as far as it is beyond doubt. */
  readonly endings = new Map<string, Ending>();
  readonly statuses: NxStatuses = {};
  /** Agent name -> tasks it ran. */
  readonly byAgent = new Map<string, number>();
  /** Failed task -> the agent it failed on. */
  readonly failedOn = new Map<string, AgentRef>();
  fromCache = 0;
  readonly servers: Servers;
  /** Tasks that were ended while they ran. */
  readonly stopped = new Set<string>();
  private readonly begun = new Set<string>();
  private readonly steps = new Set<Promise<void>>();

  constructor(private readonly options: ResultsOptions) {
    this.servers = new Servers({
      ...{ ...options.servers, graph: options.graph, reporter: options.reporter },
      record: (task) => options.cache.recordTaskDetails([task]),
      settle: (task, ending) => this.settle(task, ending, ending),
    });
  }

  onEntry(entry: RunLogEntry): void {
    const task = this.options.graph.tasks[entry.taskId];
    if (task === undefined) return;
    switch (entry.type) {
      case 'started':
        this.begun.add(task.id);
        this.watch(this.begin(task));
        break;
      case 'retried':
        // See Retries: to Nx a task begins once and ends once.
        this.sayBatchLog(task, entry);
        break;
      case 'ended':
        this.onEnded(task, entry);
        break;
    }
  }

  onHit(hit: Hit): void {
    const { graph, reporter } = this.options;
    const task = taskOf(graph, hit.taskId);
    const take = async (): Promise<void> => {
      const { code, terminalOutput, status } = await this.takeHit(task, hit).catch((thrown: unknown) =>
        Promise.reject(untaken(thrown, task, null)),
      );
      task.endTime = Date.now();
      this.fromCache += 1;
      await this.servers.begin(task.id);
      await reporter.ended({ task, status, code, terminalOutput, attempt: null });
      this.settle(task, code === 0 ? 'success' : 'failure', status);
      await this.servers.over(task.id);
    };
    this.watch(take(), task);
  }

  private async takeHit(task: NxTask, { local, from: before }: Hit): Promise<HitTaken> {
    const { cache, outputs } = this.options;
    // A failure in the cache (NX_CACHE_FAILURES) says its exit code only with everything else.
    if (!local && task.hash !== undefined && outputs.isLeft(task) && !cachesFailures()) {
      const { terminalOutput, from } = await outputs.take(task, { kind: 'cache', hash: task.hash });
      cache.recordTaskDetails([task]);
      await this.keep(task, terminalOutput);
      return { code: 0, terminalOutput, status: cacheMark(task, from ?? 'remote') };
    }
    const found = await outputs.inOrder(task, async () => {
      const fetched = await cache.fetch(task);
      if (fetched.kind === 'local' || fetched.kind === 'remote') return fetched;
      const why = fetched.kind === 'error' ? `: ${fetched.message}` : '';
      throw new DteError(
        fetched.kind === 'error' ? codeOfFetch(fetched.cause) : 'DTE_ARTIFACT_MISSING',
        `The cached outputs of ${task.id} could not be fetched${why}.`,
      );
    });
    const { code, terminalOutput } = found.entry;
    if (!cache.replays(code)) {
      const message = `The cached result of ${task.id} is a failure, which Nx does not replay here.`;
      throw new DteError('DTE_ARTIFACT_MISSING', message);
    }
    return { code, terminalOutput, status: code === 0 ? cacheMark(task, before ?? found.kind) : 'failure' };
  }

  /** Resolves when everything heard so far is taken over. */
  async idle(): Promise<void> {
    while (this.steps.size > 0) await Promise.allSettled([...this.steps]);
  }

  /** Tells Nx of the end of every server that does not run here as well. */
  async finishServers({ run, skipped }: Leftovers): Promise<void> {
    const neverBegan = skipped.filter((id) => !this.servers.hasBegun(id));
    await this.servers.finish(new Set([...run, ...neverBegan]));
  }

  /** Ends tasks of this job that must not even begin: what they need is not to be had. */
  async failHere(tasks: ReadonlyMap<string, DteError>): Promise<void> {
    for (const [id, error] of tasks) {
      const task = taskOf(this.options.graph, id);
      this.settle(task, 'failure', 'failure');
      // Nothing is known of what the task does with these inputs.
      task.hash = historyHash('refused', id);
      this.date(task, null);
      const terminalOutput = `${error.explain()}\n`;
      await this.keep(task, terminalOutput);
      await this.options.reporter.ended({ task, status: 'failure', code: 1, terminalOutput, attempt: null });
    }
  }

  private onEnded(task: NxTask, entry: EndedEntry): void {
    const finished = entry.result?.kind === 'finished' ? entry.result : null;
    const { status } = entry;
    this.sayBatchLog(task, entry);
    // No fault of the task: this job finds out what the task really does.
    if (status === 'returned') this.watch(this.takeReturned(task, entry, finished));
    if (status === 'success') {
      const isGroup = finished === null && this.options.groups.has(task.id);
      this.watch(isGroup ? this.takeGroup(task) : this.takeSuccess(task, entry, finished), task);
    } else if (status === 'failure') this.watch(this.takeFailure(task, entry, finished), task);
    else {
      this.endings.set(task.id, status);
      if (status === 'skipped') this.watch(this.servers.over(task.id));
    }
    if (status === 'cancelled' && this.begun.has(task.id)) this.watch(this.takeStopped(task));
  }

  private sayBatchLog({ id }: NxTask, { batchLog, agent }: Pick<EndedEntry, 'batchLog' | 'agent'>): void {
    if (batchLog === undefined) return;
    const where = agent === null ? '' : ` on ${agent.name}`;
    this.options.onBatchLog(`dte: the batch of ${id}${where} printed`, batchLog);
  }

  /** The run was cancelled while it ran (--nxBail, or this job is being ended); what it printed is not kept. */
  private async takeStopped(task: NxTask): Promise<void> {
    this.date(task, null);
    await this.options.reporter.ended({
      ...{ task, status: 'stopped', code: 1, terminalOutput: '', attempt: null },
    });
    this.stopped.add(task.id);
    await this.servers.over(task.id);
  }

  private async takeSuccess(
    task: NxTask,
    entry: EndedEntry,
    finished: FinishedAttempt | null,
  ): Promise<void> {
    const artifact = finished?.artifact ?? { kind: 'none' };
    const { terminalOutput, from } = await this.options.outputs
      .take(task, artifact)
      .catch((thrown: unknown) => Promise.reject(untaken(thrown, task, entry.agent)));
    await this.options.trouble.warnOfDrift(task, entry, finished);
    const isCached = typeof finished?.fromCache === 'string';
    this.date(task, finished);
    const { absent } = this.options.outputs;
    if (finished?.artifact.kind === 'attempt' || absent.has(task.id)) await this.keep(task, terminalOutput);
    if (finished?.artifact.kind === 'attempt' && !absent.has(task.id))
      await keepEntry(this.options, task, finished, terminalOutput);
    this.count(entry.agent, isCached);
    const status = isCached ? cacheMark(task, from ?? 'remote') : 'success';
    await this.servers.begin(task.id);
    await this.servers.hear(agentOf(entry), finished?.servers ?? []);
    await this.options.reporter.ended({ task, status, code: 0, terminalOutput, attempt: entry.attempt });
    this.settle(task, 'success', status);
    await this.servers.over(task.id);
  }

  private async takeGroup(task: NxTask): Promise<void> {
    const { groups, outputs, reporter } = this.options;
    const { terminalOutput, from } = await outputs.inOrder(task, () => groups.end(task));
    this.date(task, null);
    if (from !== null) this.fromCache += 1;
    const status = from === null ? 'success' : cacheMark(task, from);
    await this.servers.begin(task.id);
    await reporter.ended({ task, status, code: 0, terminalOutput, attempt: null });
    this.settle(task, 'success', status);
    await this.servers.over(task.id);
  }

  private async takeReturned(
    task: NxTask,
    entry: EndedEntry,
    finished: FinishedAttempt | null,
  ): Promise<void> {
    if (await this.options.trouble.explainReturned(task, entry, finished)) return;
    const failed = this.takeFailure(task, entry, finished);
    this.options.onLateFailure();
    await failed;
  }

  private async takeFailure(
    task: NxTask,
    entry: EndedEntry,
    finished: FinishedAttempt | null,
  ): Promise<void> {
    const servers = finished?.servers ?? [];
    if (finished?.artifact.kind === 'none' && servers.some(({ failed }) => failed)) {
      // As Nx has it: the server has failed, and what waited for it was never run.
      this.settle(task, 'failure', 'skipped');
      this.options.reporter.skipped(task.id);
      await this.servers.hear(agentOf(entry), servers);
      await this.servers.over(task.id);
      return;
    }
    // A failure is a fact from here on, whatever becomes of its output.
    this.settle(task, 'failure', 'failure');
    if (entry.agent !== null) this.failedOn.set(task.id, entry.agent);
    await this.servers.begin(task.id);
    await this.servers.hear(agentOf(entry), servers);
    const trouble = await this.options.trouble.wordsFor(task, entry, finished);
    const ours = trouble === null ? '' : `${trouble.error.explain()}\n`;
    const note = `${ours}${this.servers.explain(agentOf(entry), servers)}`;
    if (trouble === null) await this.options.trouble.warnOfDrift(task, entry, finished);
    const terminalOutput = await this.options.outputs
      .restore(task, finished?.artifact ?? { kind: 'none' }, 'failure')
      .then(
        (restored) => restored.terminalOutput,
        (thrown: unknown) => `${DteError.from(thrown).explain()}\n`,
      );
    this.date(task, finished);
    await this.keep(task, withNote(terminalOutput, note));
    this.count(entry.agent, false);
    const code = finished === null || finished.code === 0 ? 1 : finished.code;
    await this.options.reporter.ended({
      task,
      status: 'failure',
      code,
      ...{ terminalOutput, note },
      attempt: entry.attempt,
    });
    await this.servers.over(task.id);
  }

  private async begin(task: NxTask): Promise<void> {
    // Told in this order, each without waiting: the reporter keeps it.
    await Promise.all([this.servers.begin(task.id), this.options.reporter.started(task)]);
  }

  /** A file for people to look into; a disk that is full must not change how the task ended. */
  private async keep(task: NxTask, terminalOutput: string): Promise<void> {
    await this.options.cache.keepTerminalOutput(task, terminalOutput).catch((thrown: unknown) => {
      this.options.explainer.explain(DteError.from(thrown));
    });
  }

  /** Writes on the task what Nx's own runner would: its hash, when it ran. */
  private date(task: NxTask, finished: FinishedAttempt | null): void {
    // With another hash on the agent nothing is known of ours: Nx's history would take a later success for flakiness. Of a task
    // that was refused nothing is known of either: the agent's hash may have succeeded before.
    const theirs = finished?.hash ?? undefined;
    if (finished?.drift === undefined) task.hash ??= theirs;
    else task.hash = finished.reason === null ? theirs : historyHash('refused', task.id);
    task.hash ??= historyHash('task', task.id);
    // Nx's history refers to the hash at the end of the command, and breaks on one it has never seen.
    this.options.cache.recordTaskDetails([task]);
    const nowMs = Date.now();
    const times = placeInTime(finished ?? { startMs: nowMs, endMs: nowMs }, this.options.startMs, nowMs);
    task.startTime = times.startMs;
    task.endTime = times.endMs;
  }

  private count(agent: AgentRef | null, isCached: boolean): void {
    if (isCached) this.fromCache += 1;
    else if (agent !== null) this.byAgent.set(agent.name, (this.byAgent.get(agent.name) ?? 0) + 1);
  }

  private settle(task: NxTask, ending: 'success' | 'failure', status: NxStatuses[string]): void {
    this.endings.set(task.id, ending);
    this.statuses[task.id] = status;
  }

  /** Lets a task whose result could not be taken over run here; nothing of ours may end the command. */
  private watch(step: Promise<void>, task?: NxTask): void {
    const watched = step.catch((thrown: unknown) => {
      this.options.explainer.explain(DteError.from(thrown));
      if (task !== undefined && this.endings.get(task.id) !== 'failure')
        this.endings.set(task.id, 'returned');
    });
    this.steps.add(watched);
    void watched.then(() => this.steps.delete(watched));
  }
}
