import { WORDS } from '../parts/status';
import { placeOf } from '../core/state';
import { brief, visible } from '../core/text';
import type { PhaseName } from '../../src/views/phases';
import type { Bar } from './layout';

export const PHASES: Readonly<Record<PhaseName, string>> = {
  queue: 'waiting for its agent',
  restore: 'restoring dependencies',
  wait: 'waiting for others',
  run: 'running',
  store: 'storing its outputs',
  report: 'telling the result',
};

export const outcomeText = ({ look }: Bar): string => WORDS[look];

/** What a bar is, in one sentence: for those who hear it. */
export function sentence(bar: Bar): string {
  const { row, attempt, startMs, endMs } = bar;
  const parts = [
    visible(row.task.id),
    outcomeText(bar).toLowerCase(),
    `on ${placeOf(attempt)}`,
    `took ${brief(endMs - startMs)}`,
    ...(attempt.number > 1 ? [`attempt ${attempt.number}`] : []),
    ...(row.critical ? ['on the critical path'] : []),
  ];
  return `${parts.join(', ')}. Enter shows details.`;
}
