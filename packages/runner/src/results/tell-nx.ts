import type { NxTask, TaskCache, TaskGraph } from '@org/dte-nx-compat';
import type { Conclusion, Stamp } from '../follow/state';
import type { Explainer } from '../report/explainer';
import { withNote } from '../report/live-text';
import type { Reporter } from '../report/reporter';
import { historyHash } from '../tasks/history-hash';
import { taskOf } from '../tasks/plan';
import { keepEntry } from './keep-entry';
import type { Servers } from './servers';

export interface TellNxOptions {
  readonly graph: TaskGraph;
  readonly cache: Pick<TaskCache, 'recordTaskDetails' | 'keepHere'>;
  /** --skip-nx-cache: nothing is stored. */
  readonly skipNxCache: boolean;
  readonly reporter: Pick<Reporter, 'started' | 'ended' | 'skipped'>;
  readonly servers: Servers;
  readonly explainer: Explainer;
  /** Stores a task's terminal output for people. Never throws. */
  readonly keepOutput: (task: NxTask, terminalOutput: string) => Promise<void>;
}

/** Reports tasks that ran on agents to Nx's life cycles, caches and history, as Nx's own runner would. */
export class TellNx {
  constructor(private readonly options: TellNxOptions) {}

  async begin(taskId: string): Promise<void> {
    const { graph, reporter, servers } = this.options;
    // In this order, each without waiting: the reporter keeps the order.
    await Promise.all([servers.begin(taskId), reporter.started(taskOf(graph, taskId))]);
  }

  /** @throws the error of a life cycle */
  async conclude(conclusion: Conclusion): Promise<void> {
    const { taskId, status, code, terminalOutput, attempt } = conclusion;
    const { graph, reporter, servers } = this.options;
    const task = taskOf(graph, taskId);
    const { agentName, reports } = conclusion.servers ?? { agentName: '', reports: [] };
    if (conclusion.stamp === null) {
      reporter.skipped(taskId);
      await servers.hear(agentName, reports);
      return;
    }
    this.stamp(task, conclusion.stamp);
    if (conclusion.servers !== null) {
      await servers.begin(taskId);
      await servers.hear(agentName, reports);
    }
    const ofServers = conclusion.ending === 'failure' ? servers.explain(agentName, reports) : '';
    const note = `${conclusion.note}${ofServers}`;
    await this.keep(task, conclusion, withNote(terminalOutput, note));
    await reporter.ended({ task, status, code, terminalOutput, note, attempt });
  }

  private async keep(task: NxTask, { keeps, stamp }: Conclusion, printed: string): Promise<void> {
    if (keeps === 'nothing') return;
    await this.options.keepOutput(task, printed);
    if (keeps === 'entry' && stamp?.kind === 'ran' && stamp.finished !== null)
      await keepEntry(this.options, task, stamp.finished, printed);
  }

  /** Sets the fields of the task that Nx's own runner would set: its hash, its times. */
  private stamp(task: NxTask, stamp: Stamp): void {
    task.endTime = stamp.endMs;
    if (stamp.kind === 'hit') return;
    task.startTime = stamp.startMs;
    if (stamp.kind === 'refused') task.hash = historyHash('refused', task.id);
    else if (stamp.finished?.drift === undefined) task.hash ??= stamp.finished?.hash ?? undefined;
    // If the agent's hash differs, nothing is known about the main job's hash: Nx's history would treat a later success as flakiness.
    // For a rejected task, nothing is known either: the agent's hash may have succeeded before.
    else if (stamp.finished.reason === null) task.hash = stamp.finished.hash ?? undefined;
    else task.hash = historyHash('refused', task.id);
    task.hash ??= historyHash('task', task.id);
    // Nx's history refers to the hash at the end of the command, and fails for one that it has never seen.
    this.options.cache.recordTaskDetails([task]);
  }
}
