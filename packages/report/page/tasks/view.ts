import { computed, signal } from '@preact/signals';
import { lookOf, WORDS, type Look } from '../parts/status';
import { rows, type Row } from '../core/state';
import { originText } from '../../src/views/origin';

/** What the table can be narrowed to; a task may be of several kinds. */
export const KINDS = {
  failed: { name: 'Failed', has: ({ task }: Row) => task.status === 'failure' },
  running: { name: 'Running', has: ({ task }: Row) => task.status === 'running' },
  ran: { name: 'Ran', has: ({ task }: Row) => task.from === null && task.attempts.length > 0 },
  cached: { name: 'From cache', has: ({ task }: Row) => task.from !== null },
  retried: { name: 'Retried', has: ({ task }: Row) => task.attempts.length > 1 },
  flaky: { name: 'Flaky', has: ({ task }: Row) => task.flaky },
  notRun: {
    name: 'Not run',
    has: ({ task }: Row) => task.status === 'skipped' || task.status === 'stopped',
  },
  critical: { name: 'Critical path', has: ({ critical }: Row) => critical },
} as const;
export type Kind = keyof typeof KINDS;

/** The first ones first: a failure is what one looks for. */
const ORDER: readonly Look[] = [
  'failed',
  'flaky',
  'running',
  'waiting',
  'stopped',
  'skipped',
  'ok',
  'cached',
];

export type Column = 'task' | 'status' | 'duration' | 'expected' | 'start' | 'place' | 'cache';

export const cacheText = ({ task }: Row): string => {
  if (task.origin !== null) return `hit, ${originText(task.origin)}`;
  if (task.from !== null) return task.from === 'local' ? 'hit, on the machine' : 'hit, shared cache';
  if (task.miss !== null) return task.miss.text;
  return task.cacheable ? (task.attempts.length > 0 ? 'miss' : '') : 'not cached';
};

type Value = string | number | null;
const VALUES: Readonly<Record<Column, (row: Row) => Value>> = {
  task: ({ task }) => task.id,
  status: ({ task }) => ORDER.indexOf(lookOf(task)),
  duration: ({ durationMs }) => durationMs,
  expected: ({ task }) => task.expectedMs,
  start: ({ startMs }) => startMs,
  place: ({ place }) => place,
  cache: cacheText,
};

/** What is in the field; the list follows in the next frame, so that fast typing filters once for each. */
export const typed = signal('');
const query = signal('');
let frame = 0;
export function filterBy(text: string): void {
  typed.value = text;
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => (query.value = text));
}

export const kind = signal<Kind | null>(null);
export const sort = signal<{ readonly by: Column; readonly down: boolean } | null>(null);

const byText = new Intl.Collator('en', { numeric: true }).compare;

/** Rows without a value come last in both directions. */
function compare(a: Value, b: Value, sign: number): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : byText(String(a), String(b)));
}

const haystackOf = ({ task, place }: Row): string =>
  `${task.id} ${place} ${WORDS[lookOf(task)]}`.toLowerCase();

/** Failures first, and of the same status what began first. */
const FIRST_ORDER = { by: 'status', down: false } as const;

/** All rows in the order of the table. Filters keep the order: a key that is typed sorts nothing. */
const sorted = computed(() => {
  const { by, down } = sort.value ?? FIRST_ORDER;
  const keyed = rows.value.map((row) => ({ row, value: VALUES[by](row) }));
  const byStart = sort.value === null;
  return keyed
    .sort(
      (a, b) =>
        compare(a.value, b.value, down ? -1 : 1) || (byStart ? compare(a.row.startMs, b.row.startMs, 1) : 0),
    )
    .map(({ row }) => ({ row, haystack: haystackOf(row) }));
});

const matching = computed(() => {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  return sorted.value
    .filter(({ haystack }) => words.every((word) => haystack.includes(word)))
    .map(({ row }) => row);
});

/** How many of the rows that match the text are of each kind. */
export const counts = computed(() => {
  const found: Partial<Record<Kind, number>> = {};
  const kinds = Object.entries(KINDS) as [Kind, (typeof KINDS)[Kind]][];
  for (const row of matching.value)
    for (const [name, { has }] of kinds) if (has(row)) found[name] = (found[name] ?? 0) + 1;
  return found;
});

/** The rows of the table, in its order. */
export const listed = computed<readonly Row[]>(() =>
  kind.value === null ? matching.value : matching.value.filter(KINDS[kind.value].has),
);

/** Columns of numbers begin with the largest. */
const DOWN_FIRST: readonly Column[] = ['duration', 'expected'];

export function sortBy(by: Column): void {
  const first = DOWN_FIRST.includes(by);
  const now = sort.value;
  if (now?.by !== by) sort.value = { by, down: first };
  else sort.value = now.down === first ? { by, down: !first } : null;
}
