import type { RunModel, SessionModel, TaskModel, TaskStatus } from '../model/model';
import { endOf } from './lanes';

export interface Totals {
  readonly tasks: number;
  readonly byStatus: Readonly<Record<TaskStatus | 'waiting' | 'running', number>>;
  readonly fromCache: number;
  readonly flaky: number;
  /** Attempts that were lost through no fault of a task. */
  readonly lost: number;
  /** From the beginning of the first command to the end of the last. */
  readonly elapsedMs: number;
  /** Sum over all attempts: what one slot would have needed. */
  readonly workMs: number;
}

const worked = ({ attempts }: TaskModel): number =>
  attempts.reduce(
    (sum, { startMs, endMs }) => sum + (startMs === null || endMs === null ? 0 : endMs - startMs),
    0,
  );

export function totalsOf({ runs }: Pick<SessionModel, 'runs'>): Totals {
  const tasks = runs.flatMap((run) => run.tasks);
  const byStatus = { success: 0, failure: 0, skipped: 0, stopped: 0, waiting: 0, running: 0 };
  for (const { status } of tasks) byStatus[status] += 1;
  const first = Math.min(...runs.map(({ startMs }) => startMs));
  const last = Math.max(...runs.map(endOf));
  return {
    tasks: tasks.length,
    byStatus,
    fromCache: tasks.filter(({ from }) => from !== null).length,
    flaky: tasks.filter(({ flaky }) => flaky).length,
    lost: tasks.flatMap(({ attempts }) => attempts).filter(({ outcome }) => outcome === 'lost').length,
    elapsedMs: runs.length === 0 ? 0 : last - first,
    workMs: tasks.reduce((sum, task) => sum + worked(task), 0),
  };
}

export interface Failure {
  readonly run: RunModel;
  readonly task: TaskModel;
}

/** The tasks that failed, in the order in which that became known. */
export const failuresOf = ({ runs }: SessionModel): Failure[] =>
  runs
    .flatMap((run) => run.tasks.map((task) => ({ run, task })))
    .filter(({ task }) => task.status === 'failure')
    .toSorted((a, b) => (a.task.doneMs ?? Infinity) - (b.task.doneMs ?? Infinity));
