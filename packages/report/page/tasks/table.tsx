import { computed, signal, useSignal, useSignalEffect } from '@preact/signals';
import type { KeyboardEventHandler } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Name } from '../parts/name';
import { lookOf, Status } from '../parts/status';
import { nowMs, numberOf, rows, select, selected, type Row } from '../core/state';
import { against, brief, clock, count, counted, visible } from '../core/text';
import { cacheText, listed, sort, sortBy, type Column } from './view';

/** Height of a row; the style has the same. */
const ROW_PX = 34;
/** Rows above and below the visible ones, so that a fast scroll shows no gap. */
const MARGIN_ROWS = 5;
/** The rows in the document change in steps of this many: not each frame of a scroll has to render. */
const STEP_ROWS = 4;
/** Rows on paper: nobody prints ten thousand. */
const PRINTED_ROWS = 1_000;

const COLUMNS: readonly { readonly name: Column; readonly title: string; readonly number?: true }[] = [
  { name: 'status', title: 'Status' },
  { name: 'task', title: 'Task' },
  { name: 'duration', title: 'Duration', number: true },
  { name: 'expected', title: 'Expected', number: true },
  { name: 'start', title: 'Started', number: true },
  { name: 'place', title: 'Ran on' },
  { name: 'cache', title: 'Cache' },
];

/** In a first pipeline nothing is expected, and nobody misses an empty column. */
const hasExpected = computed(() => rows.value.some(({ task }) => task.expectedMs !== null));
const columns = computed(() => COLUMNS.filter(({ name }) => name !== 'expected' || hasExpected.value));

/** Index of the row that arrow keys move; -1: none yet. */
const active = signal(-1);
const printing = signal(false);

function Head() {
  return (
    <thead>
      <tr aria-rowindex={1}>
        {columns.value.map(({ name, title, number }) => {
          const own = sort.value?.by === name ? sort.value : null;
          const order = own === null ? undefined : own.down ? 'descending' : 'ascending';
          return (
            <th key={name} scope="col" class={`c-${name} ${number ? 'number' : ''}`} aria-sort={order}>
              <button type="button" onClick={() => sortBy(name)}>
                {title}
                <span class={`arrow ${order ?? ''}`} aria-hidden="true" />
              </button>
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

function Duration({ row }: { readonly row: Row }) {
  const { durationMs, startMs, task } = row;
  const now = task.status === 'running' ? nowMs.value : null;
  const ms = now !== null && startMs !== null ? now - startMs : durationMs;
  if (ms === null) return null;
  const { expectedMs } = task;
  return (
    <>
      {expectedMs !== null && task.from === null && Math.abs(ms - expectedMs) > expectedMs / 2 && (
        <span
          class={`against ${ms > expectedMs ? 'slower' : 'faster'}`}
          title={`expected ${brief(expectedMs)}`}
        >
          {against(ms, expectedMs)}
        </span>
      )}
      {brief(ms)}
    </>
  );
}

function TaskRow({ row, index }: { readonly row: Row; readonly index: number }) {
  const { task, startMs, place, critical } = row;
  const cache = visible(cacheText(row));
  const number = numberOf(row);
  return (
    <tr
      id={`row-${index}`}
      aria-rowindex={index + 2}
      aria-selected={selected.value === row}
      class={`${index === active.value ? 'active' : ''} ${lookOf(task)}`}
      onClick={() => {
        active.value = index;
        document.getElementById('grid')?.focus({ preventScroll: true });
        select(row);
      }}
    >
      <td class="c-status">
        <Status look={lookOf(task)} />
      </td>
      <td class="c-task" title={visible(task.id)}>
        <span class="cell">
          <Name text={task.id} kind="task-name" />
          {number !== null && (
            <span class="tag" title={visible(row.run.command)}>
              {number}
            </span>
          )}
          {critical && <span class="tag critical">critical</span>}
          {task.attempts.length > 1 && <span class="tag">{task.attempts.length} attempts</span>}
        </span>
      </td>
      <td class="c-duration number">
        <Duration row={row} />
      </td>
      {hasExpected.value && (
        <td class="c-expected number">{task.expectedMs === null ? '' : brief(task.expectedMs)}</td>
      )}
      <td class="c-start number">{startMs === null ? '' : clock(startMs)}</td>
      <td class="c-place" title={visible(place)}>
        <Name text={place} />
      </td>
      <td class="c-cache" title={cache}>
        {cache}
      </td>
    </tr>
  );
}

const Space = ({ rows }: { readonly rows: number }) =>
  rows <= 0 ? null : (
    <tr class="space" role="presentation" aria-hidden="true">
      {/* One cell: as wide as all columns, it would bring back those that a narrow screen leaves out. */}
      <td style={{ height: `${rows * ROW_PX}px` }} />
    </tr>
  );

/** How far a key moves; undefined: not a key of the table. */
function moved(key: string, page: number, last: number): number | undefined {
  const now = active.value;
  const to: Readonly<Record<string, number>> = {
    ArrowDown: now + 1,
    ArrowUp: now - 1,
    PageDown: now + page,
    PageUp: now - page,
    Home: 0,
    End: last,
  };
  const wanted = to[key];
  return wanted === undefined ? undefined : Math.min(last, Math.max(0, wanted));
}

/** The row is brought into view, below the head. */
function reveal(scroller: HTMLElement, index: number): void {
  const top = index * ROW_PX;
  const room = scroller.clientHeight - ROW_PX;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + ROW_PX > scroller.scrollTop + room) scroller.scrollTop = top + ROW_PX - room;
}

function usePrinting(): void {
  useEffect(() => {
    const [begin, end] = [() => (printing.value = true), () => (printing.value = false)];
    window.addEventListener('beforeprint', begin);
    window.addEventListener('afterprint', end);
    return () => {
      window.removeEventListener('beforeprint', begin);
      window.removeEventListener('afterprint', end);
    };
  }, []);
}

/** The rows in the document: from the first to before the last. */
function useWindow() {
  const scroller = useRef<HTMLDivElement>(null);
  const first = useSignal(0);
  const visibleRows = useSignal(24);
  const measure = () => {
    const { current } = scroller;
    if (current === null) return;
    first.value = Math.floor(current.scrollTop / ROW_PX / STEP_ROWS) * STEP_ROWS;
    visibleRows.value = Math.ceil(current.clientHeight / ROW_PX);
  };
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    if (scroller.current !== null) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  const { length } = listed.value;
  const [begin, end] = printing.value
    ? [0, Math.min(length, PRINTED_ROWS)]
    : [
        Math.max(0, Math.min(first.value, length - visibleRows.value) - MARGIN_ROWS),
        Math.min(length, first.value + visibleRows.value + MARGIN_ROWS + STEP_ROWS),
      ];
  return { scroller, measure, begin, end, page: visibleRows.value - 2 };
}

function Rows({ begin, end }: { readonly begin: number; readonly end: number }) {
  const all = listed.value;
  return (
    <tbody>
      <Space rows={begin} />
      {all.slice(begin, end).map((row, offset) => (
        // A row that leaves the view becomes the one that enters it.
        <TaskRow key={(begin + offset) % (end - begin)} row={row} index={begin + offset} />
      ))}
      <Space rows={printing.value ? 0 : all.length - end} />
    </tbody>
  );
}

/** All tasks; of ten thousand, only those that can be seen are in the document. */
export function Table() {
  const { scroller, measure, begin, end, page } = useWindow();
  usePrinting();
  // A shorter list may not have the row any more.
  useSignalEffect(() => {
    const { length } = listed.value;
    if (active.peek() >= length) active.value = length - 1;
  });
  const onKey: KeyboardEventHandler<HTMLTableElement> = (event) => {
    if (event.target !== event.currentTarget) return;
    const row = listed.value[active.value];
    if ((event.key === 'Enter' || event.key === ' ') && row !== undefined) {
      event.preventDefault();
      select(row);
      return;
    }
    const to = moved(event.key, page, listed.value.length - 1);
    if (to === undefined) return;
    event.preventDefault();
    active.value = to;
    if (scroller.current !== null) reveal(scroller.current, to);
  };
  const { length } = listed.value;
  const isShown = active.value >= begin && active.value < end;
  return (
    <div class="grid" ref={scroller} onScroll={measure}>
      <table
        id="grid"
        role="grid"
        tabIndex={0}
        aria-label="Tasks. Arrow keys move, Enter shows a task."
        aria-rowcount={length + 1}
        aria-activedescendant={isShown ? `row-${active.value}` : undefined}
        onKeyDown={onKey}
      >
        <Head />
        <Rows begin={begin} end={end} />
      </table>
      {length === 0 && <p class="nothing">No task matches. {count(0)} shown.</p>}
      {printing.value && length > end && (
        <p class="nothing">{counted(length - end, 'more task')}, which are not printed.</p>
      )}
    </div>
  );
}
