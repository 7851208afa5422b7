import { computed, signal } from '@preact/signals';
import { lookOf, WORDS, type Look } from '../parts/status';
import { rows, type Row } from '../state';

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

export type Column = 'task' | 'status' | 'duration' | 'start' | 'place' | 'cache';

export const cacheText = ({ task }: Row): string => {
  if (task.from !== null) return task.from === 'local' ? 'hit, on the machine' : 'hit, shared cache';
  if (task.miss !== null) return task.miss.text;
  return task.cacheable ? (task.attempts.length > 0 ? 'miss' : '') : 'not cached';
};

type Value = string | number | null;
const VALUES: Readonly<Record<Column, (row: Row) => Value>> = {
  task: ({ task }) => task.id,
  status: ({ task }) => ORDER.indexOf(lookOf(task)),
  duration: ({ durationMs }) => durationMs,
  start: ({ startMs }) => startMs,
  place: ({ place }) => place,
  cache: cacheText,
};

export const query = signal('');
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

const matching = computed(() => {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows.value;
  return rows.value.filter((row) => {
    const haystack = haystackOf(row);
    return words.every((word) => haystack.includes(word));
  });
});

/** How many of the rows that match the text are of each kind. */
export const counts = computed(() =>
  Object.fromEntries(
    Object.entries(KINDS).map(([name, { has }]) => [name, matching.value.filter(has).length]),
  ),
);

/** The rows of the table, in its order. */
export const listed = computed<readonly Row[]>(() => {
  const of = kind.value === null ? matching.value : matching.value.filter(KINDS[kind.value].has);
  if (sort.value === null)
    return of.toSorted(
      (a, b) =>
        compare(VALUES.status(a), VALUES.status(b), 1) || compare(a.startMs ?? null, b.startMs ?? null, 1),
    );
  const { by, down } = sort.value;
  const values = new Map(of.map((row) => [row, VALUES[by](row)]));
  return of.toSorted((a, b) => compare(values.get(a) ?? null, values.get(b) ?? null, down ? -1 : 1));
});

/** Columns of numbers begin with the largest. */
const DOWN_FIRST: readonly Column[] = ['duration'];

export function sortBy(by: Column): void {
  const first = DOWN_FIRST.includes(by);
  const now = sort.value;
  if (now?.by !== by) sort.value = { by, down: first };
  else sort.value = now.down === first ? { by, down: !first } : null;
}
