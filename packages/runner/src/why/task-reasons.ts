import { DteError } from '@org/dte-protocol';
import type { SessionModel } from '@org/dte-report';
import { describeOrigin } from '../shared-cache/describe-origin';

type Run = SessionModel['runs'][number];
type Task = Run['tasks'][number];

/** @throws DteError DTE_NO_REPORT if no command has the task, or there is no command */
export function chooseRun({ runs }: Pick<SessionModel, 'runs'>, taskId: string | undefined): Run {
  const found = runs.findLast(({ tasks }) => taskId === undefined || tasks.some(({ id }) => id === taskId));
  if (found !== undefined) return found;
  const known = [...new Set(runs.flatMap(({ tasks }) => tasks.map(({ id }) => id)))].slice(0, 10);
  throw new DteError(
    'DTE_NO_REPORT',
    known.length === 0
      ? 'No nx command of this session has recorded anything in this workspace.'
      : `No nx command of this session had the task ${String(taskId)}. Its tasks: ${known.join(', ')}.`,
  );
}

/** What became of a task and why, as lines. */
export function taskLines({ id, cacheable, status, from, origin, miss }: Task): string[] {
  if (origin !== null)
    return [
      `${id} did not run: another pipeline has made its result (${describeOrigin(origin, Date.now())})`,
    ];
  if (from !== null) return [`${id} did not run: its result came from the ${from} cache`];
  if (status !== 'success' && status !== 'failure') return [`${id} did not run (${status})`];
  if (!cacheable) return [`${id} is never cached: its target does not set "cache": true`];
  if (miss === null) return [`${id} ran; why it was not cached was not recorded`];
  const inputs = miss.inputs.length > 1 ? miss.inputs.map((input) => `  - ${input}`) : [];
  return [`${id} was not cached: ${miss.text}`, ...inputs];
}
