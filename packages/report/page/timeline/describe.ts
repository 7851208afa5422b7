import { WORDS } from '../parts/status';
import { placeOf } from '../state';
import { brief, visible } from '../text';
import type { Bar, Segment } from './layout';

export const PHASES: Readonly<Record<Segment['phase'], string>> = {
  wait: 'waiting for a slot',
  restore: 'restoring what it depends on',
  run: 'running',
  store: 'storing its outputs',
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
