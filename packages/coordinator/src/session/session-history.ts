import { type FlakyTask, LIMITS, type RunSpec } from '@org/dte-protocol';
import type { Effects } from '@org/dte-scheduler';
import type { Logger } from 'pino';
import type { Evidence, TaskHistory } from '../history/history';

export interface SessionHistoryOptions {
  readonly history: TaskHistory;
  /** The result of `projectOf` for the session. */
  readonly project: string;
  readonly now: () => number;
  readonly logger: Logger;
}

/** A session's part of its project's history. If the history cannot be read or written, nothing else is affected. */
export class SessionHistory {
  constructor(private readonly options: SessionHistoryOptions) {}

  /** Ids of the run's tasks that are known to be flaky and are retried for it. */
  async flakyOf({ tasks }: RunSpec): Promise<string[]> {
    const asked = tasks.filter(({ flakiness }) => flakiness === 'retry').map(({ id }) => id);
    if (asked.length === 0) return [];
    const flaky = new Set((await this.flaky()).map(({ taskId }) => taskId));
    return asked.filter((id) => flaky.has(id));
  }

  /** As many as fit into a status. */
  async shown(): Promise<FlakyTask[]> {
    return (await this.flaky()).slice(0, LIMITS.flakyTasksShown.value);
  }

  /** Stores new evidence. Not for replayed inputs, whose evidence was stored the first time. */
  note(effects: readonly Effects[]): void {
    const { history, project, now } = this.options;
    const atMs = now();
    const evidence = effects
      .flatMap(({ events }) => events)
      .flatMap((event): Evidence[] =>
        event.type === 'task.ran'
          ? [{ taskId: event.taskId, hash: event.hash, status: event.status, atMs }]
          : [],
      );
    if (evidence.length === 0) return;
    history.note(project, evidence).catch((thrown: unknown) => this.warn(thrown));
  }

  private async flaky(): Promise<readonly FlakyTask[]> {
    const { history, project, now } = this.options;
    try {
      return await history.flaky(project, now());
    } catch (thrown) {
      this.warn(thrown);
      return [];
    }
  }

  private warn(thrown: unknown): void {
    this.options.logger.warn({ err: thrown, project: this.options.project }, 'the history of flaky tasks');
  }
}
