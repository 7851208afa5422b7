import { plural } from '@org/dte-protocol';
import type { RunModel, SessionModel } from '../model/model';
import { endOf } from './lanes';
import { totalsOf } from './totals';

export interface Outcome {
  readonly kind: 'ok' | 'failed' | 'running' | 'stopped' | 'empty';
  /** What became of it, in one line. */
  readonly sentence: string;
}

/** One of the commands, and what became of it. */
export interface CommandOutcome extends Outcome {
  readonly run: RunModel;
  /** Until its end, or as far as it is known. */
  readonly durationMs: number;
}

/** Each command by itself, in their order. */
export const commandsOf = ({ runs }: Pick<SessionModel, 'runs'>): CommandOutcome[] =>
  runs.map((run) => ({ ...outcomeOf({ runs: [run] }), run, durationMs: endOf(run) - run.startMs }));

const hasFailed = ({ tasks }: RunModel): boolean => tasks.some(({ status }) => status === 'failure');

/** What became of all commands together. Only what every command said of itself makes it `ok`. */
export function outcomeOf(model: Pick<SessionModel, 'runs'>): Outcome {
  const { tasks, byStatus } = totalsOf(model);
  if (model.runs.length === 0) return { kind: 'empty', sentence: 'No command has run yet' };
  const failed = byStatus.failure;
  const running = model.runs.some(({ endMs }) => endMs === null);
  if (failed > 0) {
    const so = running ? ' so far' : '';
    // A task of several commands would be counted once for each.
    const what =
      model.runs.length > 1
        ? `${model.runs.filter(hasFailed).length} of ${model.runs.length} commands`
        : `${failed} of ${plural(tasks, 'task')}`;
    return { kind: 'failed', sentence: `${what} failed${so}` };
  }
  if (running) {
    const done = tasks - byStatus.waiting - byStatus.running;
    return { kind: 'running', sentence: `${done} of ${plural(tasks, 'task')} done` };
  }
  if (model.runs.every(({ ok }) => ok === true))
    return { kind: 'ok', sentence: tasks === 0 ? 'Nothing to do' : `${plural(tasks, 'task')} succeeded` };
  const left = byStatus.skipped + byStatus.stopped;
  const sentence =
    left === 0 ? 'Ended without success' : `Stopped: ${left} of ${plural(tasks, 'task')} did not run`;
  return { kind: 'stopped', sentence };
}
