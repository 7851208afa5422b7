import { plural } from '@org/dte-protocol';
import type { SessionModel } from '../model/model';
import { totalsOf } from './totals';

export interface Outcome {
  readonly kind: 'ok' | 'failed' | 'running' | 'stopped' | 'empty';
  /** What became of it, in one line. */
  readonly sentence: string;
}

/** What became of all commands together. Only what every command said of itself makes it `ok`. */
export function outcomeOf(model: SessionModel): Outcome {
  const { tasks, byStatus } = totalsOf(model);
  if (model.runs.length === 0) return { kind: 'empty', sentence: 'No command has run yet' };
  const failed = byStatus.failure;
  const running = model.runs.some(({ endMs }) => endMs === null);
  if (failed > 0) {
    const so = running ? ' so far' : '';
    return { kind: 'failed', sentence: `${failed} of ${plural(tasks, 'task')} failed${so}` };
  }
  if (running) {
    const done = tasks - byStatus.waiting - byStatus.running;
    return { kind: 'running', sentence: `${done} of ${plural(tasks, 'task')} done` };
  }
  if (model.runs.every(({ ok }) => ok === true))
    return { kind: 'ok', sentence: tasks === 0 ? 'Nothing to do' : `${plural(tasks, 'task')} succeeded` };
  const left = byStatus.skipped + byStatus.stopped;
  return { kind: 'stopped', sentence: `Stopped: ${left} of ${plural(tasks, 'task')} did not run` };
}
