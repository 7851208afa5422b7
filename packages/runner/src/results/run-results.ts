import type { NxStatuses, NxTask, TaskCache, TaskGraph } from '@org/dte-nx-compat';
import { DteError, type AgentRef, type EndedEntry, type RunLogEntry } from '@org/dte-protocol';
import type { Trouble } from '../drift/trouble';
import { follow } from '../follow/follow';
import {
  newFollowState,
  type FollowEffect,
  type FollowEvent,
  type FollowState,
  type TaskState,
} from '../follow/state';
import type { OutputsHere } from '../outputs/outputs-here';
import type { Explainer } from '../report/explainer';
import type { Reporter } from '../report/reporter';
import type { Hit } from '../submit/settle-cache';
import type { Ending, Leftovers } from '../tasks/leftovers';
import { taskOf } from '../tasks/plan';
import type { Groups } from './groups';
import { Servers, type ServersOptions } from './servers';
import { TakeResults } from './take-results';
import { TellNx } from './tell-nx';

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
  /** A returned task has failed anyway: stop what `--nxBail` stops. */
  readonly onLateFailure: () => void;
  readonly groups: Pick<Groups, 'has' | 'end'>;
  /** The servers that agents start, and whether Nx counts them among the tasks of a command. */
  readonly servers: Pick<ServersOptions, 'servers' | 'counted'>;
  /** Has a damaged result of the shared cache made again; null: this job has to run the task. */
  readonly makeAgain: (task: NxTask, why: Pick<DteError, 'code'>) => Promise<EndedEntry | null>;
  /** Gets the output of a batch process that belongs to no task, when the batch has ended. */
  readonly onBatchLog: (title: string, log: string) => void;
  readonly startMs: number;
}

/** Phases that end without anything from outside. */
const TAKEN_OVER: readonly TaskState['phase'][] = ['taking', 'judging', 'telling'];

/** Performs an effect; returns the event that answers it, if any. */
type Work = Promise<FollowEvent | null>;

/**
 * Takes over the results of caches and agents: restores outputs, then reports to Nx, then records the final `statuses`.
 * `follow` decides what happens when; here its effects are performed and answered.
 */
export class RunResults {
  readonly servers: Servers;
  private readonly state: FollowState;
  private readonly takes: TakeResults;
  private readonly nx: TellNx;
  private readonly steps = new Set<Promise<void>>();
  /** Called, once each, when something has happened. */
  private changes = new Set<() => void>();

  constructor(private readonly options: ResultsOptions) {
    const { graph, groups, startMs, reporter, cache } = options;
    this.state = newFollowState({ tasks: graph.tasks, groups, startMs });
    this.servers = new Servers({
      servers: options.servers.servers,
      counted: options.servers.counted,
      graph,
      reporter,
      record: (task) => cache.recordTaskDetails([task]),
      settle: ({ id }, ending) => this.dispatch({ type: 'server.ended', taskId: id, ending }),
    });
    const keepOutput = (task: NxTask, terminalOutput: string): Promise<void> =>
      this.keepOutput(task, terminalOutput);
    this.takes = new TakeResults({ ...options, keepOutput });
    this.nx = new TellNx({ ...options, servers: this.servers, keepOutput });
  }

  /** Final results of tasks. */
  get endings(): ReadonlyMap<string, Ending> {
    return this.state.endings;
  }

  get statuses(): Readonly<NxStatuses> {
    return this.state.statuses;
  }

  /** Tasks that were stopped while they ran. */
  get stopped(): ReadonlySet<string> {
    return this.state.stopped;
  }

  /** Agent name -> tasks it ran. */
  get byAgent(): ReadonlyMap<string, number> {
    return this.state.byAgent;
  }

  /** Failed task -> the agent on which it failed. */
  get failedOn(): ReadonlyMap<string, AgentRef> {
    return this.state.failedOn;
  }

  get fromCache(): number {
    return this.state.fromCache;
  }

  onEntry(entry: RunLogEntry): void {
    this.dispatch({ type: 'entry', entry });
  }

  onHit(hit: Hit): void {
    this.dispatch({ type: 'hit', hit });
  }

  /** Resolves when all results received so far are taken over. */
  async idle(): Promise<void> {
    while (this.steps.size > 0) await Promise.allSettled([...this.steps]);
  }

  /** Reports to Nx the end of every server that does not also run here. */
  async finishServers({ run, skipped }: Leftovers): Promise<void> {
    const neverBegan = skipped.filter((id) => !this.servers.hasBegun(id));
    await this.servers.finish(new Set([...run, ...neverBegan]));
  }

  /** Ends tasks of this job that must not start because a dependency is not available. */
  async failHere(tasks: ReadonlyMap<string, DteError>): Promise<void> {
    for (const [taskId, error] of tasks) {
      this.dispatch({ type: 'lacking', taskId, error });
      await this.idle();
    }
  }

  /** Tasks that nothing will run any more. */
  skip(taskIds: readonly string[]): void {
    for (const taskId of taskIds) this.dispatch({ type: 'skip', taskId });
  }

  /** The result of a task that is just being taken over is, or is given back. Others are not waited for. */
  async whenTaken(taskId: string): Promise<void> {
    while (TAKEN_OVER.includes(this.state.states.get(taskId)?.phase ?? 'begun'))
      await new Promise<void>((resolve) => this.changes.add(resolve));
  }

  private dispatch(event: FollowEvent): void {
    for (const effect of follow(this.state, event, Date.now())) this.perform(effect);
    const { changes } = this;
    this.changes = new Set();
    for (const changed of changes) changed();
  }

  private perform(effect: FollowEffect): void {
    const step = this.work(effect)
      .then(
        (answer) => {
          if (answer !== null) this.dispatch(answer);
        },
        (thrown: unknown) => this.onFailed(effect, DteError.from(thrown)),
      )
      .catch((thrown: unknown) => this.options.explainer.explain(DteError.from(thrown)));
    this.steps.add(step);
    void step.then(() => this.steps.delete(step));
  }

  /** An error in our own code must not end the command. */
  private onFailed(effect: FollowEffect, error: DteError): void {
    if (effect.type === 'take' || effect.type === 'judge')
      this.dispatch({ type: 'untaken', taskId: effect.taskId, error });
    else if (effect.type === 'conclude')
      this.dispatch({ type: 'untold', taskId: effect.conclusion.taskId, error });
    else this.options.explainer.explain(error);
  }

  private async work(effect: FollowEffect): Work {
    const { graph, explainer, reporter, trouble } = this.options;
    switch (effect.type) {
      case 'begin':
        await this.nx.begin(effect.taskId);
        return null;
      case 'take': {
        const { taskId, source } = effect;
        try {
          return { type: 'taken', taskId, taken: await this.takes.take(taskId, source) };
        } catch (thrown) {
          const isOthers = source.kind === 'hit' && source.hit.origin !== undefined;
          const entry = isOthers ? await this.madeAgain(taskId, DteError.from(thrown)) : null;
          if (entry === null) throw thrown;
          return { type: 'made-again', entry };
        }
      }
      case 'judge': {
        const { taskId, entry, finished } = effect;
        const again = entry.reason === null ? null : await this.madeAgain(taskId, entry.reason);
        if (again !== null) return { type: 'made-again', entry: again };
        const isExplained = await trouble.explainReturned(taskOf(graph, taskId), entry, finished);
        return { type: 'judged', taskId, failed: !isExplained };
      }
      case 'conclude':
        await this.nx.conclude(effect.conclusion);
        return { type: 'told', taskId: effect.conclusion.taskId };
      case 'release-servers':
        await this.servers.over(effect.taskId);
        return null;
      case 'fail-late':
        this.options.onLateFailure();
        return null;
      case 'show-skipped':
        reporter.skipped(effect.taskId);
        return null;
      case 'say-batch-log': {
        const { taskId, agent, log } = effect;
        const where = agent === null ? '' : ` on ${agent.name}`;
        this.options.onBatchLog(`dte: the batch of ${taskId}${where} printed`, log);
        return null;
      }
      case 'explain':
        explainer.explain(effect.error);
        return null;
    }
  }

  private madeAgain(taskId: string, why: Pick<DteError, 'code'>): Promise<EndedEntry | null> {
    return this.options.makeAgain(taskOf(this.options.graph, taskId), why);
  }

  /** A file for people; a full disk must not change how the task ended. */
  private async keepOutput(task: NxTask, terminalOutput: string): Promise<void> {
    const { cache, explainer } = this.options;
    await cache.keepTerminalOutput(task, terminalOutput).catch((thrown: unknown) => {
      explainer.explain(DteError.from(thrown));
    });
  }
}
