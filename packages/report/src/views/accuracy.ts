import type { RunModel, SessionModel, TaskModel } from '../model/model';
import type { RunAccuracy } from '../model/accuracy';
import { spanOf } from './phases';
import { asItWas, crewOf, type LengthOf, sum, wallMs } from './wall-clock';

/** An estimate that is wrong by at most this factor does its work: it decides what starts first. Not configurable: a figure of the report. */
const GOOD_FACTOR = 1.5;
/** Estimates that are listed because they were most wrong. */
const LISTED = 5;
/** Below this, the start of a process is most of a duration, in ms: whether it took 5 or 10 says nothing. */
const LEAST_MS = 100;

/** A task that was expected to take some time, and ran. */
export interface Compared {
  readonly task: TaskModel;
  readonly expectedMs: number;
  readonly actualMs: number;
}

/** How long a task ran: as its agent measured it, else from its beginning to its end. Null unless it ran and succeeded. */
function actualMs({ from, attempts, status }: TaskModel): number | null {
  const last = attempts.at(-1);
  if (from !== null || status !== 'success' || last?.outcome !== 'success') return null;
  const { measured, startMs, endMs } = last;
  return measured?.runMs ?? (startMs === null || endMs === null ? null : endMs - startMs);
}

export const comparedOf = (tasks: readonly TaskModel[]): Compared[] =>
  tasks.flatMap((task) => {
    const { expectedMs } = task;
    const ms = actualMs(task);
    return expectedMs === null || ms === null ? [] : [{ task, expectedMs, actualMs: ms }];
  });

/** By which factor an estimate was wrong, at least 1. */
export function factorOf({ expectedMs, actualMs: ms }: Pick<Compared, 'expectedMs' | 'actualMs'>): number {
  const [a, b] = [Math.max(LEAST_MS, expectedMs), Math.max(LEAST_MS, ms)];
  return Math.max(a / b, b / a);
}

const errorPercent = ({ expectedMs, actualMs: ms }: Compared): number =>
  (Math.abs(ms - expectedMs) / Math.max(1, ms)) * 100;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[(numbers.length - 1) >> 1] ?? 0;

/** Of each attempt, what is not running the task stays as it was: it is not what was estimated. */
const asExpected: LengthOf = (task, nowMs) => {
  const last = task.attempts.at(-1);
  const ms = actualMs(task);
  if (last === undefined || ms === null || task.expectedMs === null) return asItWas(task, nowMs);
  const { startMs, endMs } = spanOf(last, nowMs);
  return asItWas(task, nowMs) + Math.max(startMs - endMs, task.expectedMs - ms);
};

/**
 * How well the durations of a command's tasks were known before it ran. The wall time that follows from them is that of list
 * scheduling on the agents that there were; tasks of which nothing was known count as they were. Null if no task can be compared.
 */
export function accuracyOf(model: SessionModel, run: RunModel): RunAccuracy | null {
  const compared = comparedOf(run.tasks);
  if (compared.length === 0) return null;
  const byFactor = compared.toSorted((a, b) => factorOf(b) - factorOf(a));
  const good = compared.filter((each) => factorOf(each) <= GOOD_FACTOR);
  return {
    tasks: compared.length,
    expectedMs: sum(compared.map(({ expectedMs }) => expectedMs)),
    actualMs: sum(compared.map((each) => each.actualMs)),
    medianErrorPercent: Math.round(median(compared.map(errorPercent))),
    goodShare: good.length / compared.length,
    worst: byFactor
      .slice(0, LISTED)
      .map(({ task: { id }, expectedMs, actualMs: ms }) => ({ id, expectedMs, actualMs: ms })),
    wall: wallOf(model, run),
  };
}

function wallOf(model: SessionModel, run: RunModel): RunAccuracy['wall'] {
  if (run.endMs === null) return null;
  const expectedMs = wallMs(run, crewOf(model), asExpected);
  return expectedMs === null ? null : { expectedMs, actualMs: run.endMs - run.startMs };
}

/** The model with the accuracy of each command: what `--format=json` prints. */
export const withAccuracy = (model: SessionModel): SessionModel => ({
  ...model,
  runs: model.runs.map((run) => ({ ...run, accuracy: accuracyOf(model, run) })),
});
