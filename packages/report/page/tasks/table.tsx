import { signal, useSignal, useSignalEffect } from '@preact/signals';
import type { KeyboardEventHandler } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { lookOf, Status } from '../parts/status';
import { nowMs, select, selected, type Row } from '../state';
import { against, brief, clock, count, visible } from '../text';
import { cacheText, listed, sort, sortBy, type Column } from './view';

/** Height of a row; the style has the same. */
const ROW_PX = 34;
/** Rows above and below the visible ones, so that a fast scroll shows no gap. */
const MARGIN_ROWS = 8;
/** The rows in the document change in steps of this many: not each frame of a scroll has to render. */
const STEP_ROWS = 6;
/** Rows on paper: nobody prints ten thousand. */
const PRINTED_ROWS = 1_000;

const COLUMNS: readonly { readonly name: Column; readonly title: string; readonly number?: true }[] = [
  { name: 'status', title: 'Status' },
  { name: 'task', title: 'Task' },
  { name: 'duration', title: 'Duration', number: true },
  { name: 'start', title: 'Started', number: true },
  { name: 'place', title: 'Ran on' },
  { name: 'cache', title: 'Cache' },
];

/** Index of the row that arrow keys move; -1: none yet. */
const active = signal(-1);
const printing = signal(false);

function Head() {
  return (
    <thead>
      <tr aria-rowindex={1}>
        {COLUMNS.map(({ name, title, number }) => {
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
          <bdi class="task-name">{visible(task.id)}</bdi>
          {critical && <span class="tag critical">critical</span>}
          {task.attempts.length > 1 && <span class="tag">{task.attempts.length} attempts</span>}
        </span>
      </td>
      <td class="c-duration number">
        <Duration row={row} />
      </td>
      <td class="c-start number">{startMs === null ? '' : clock(startMs)}</td>
      <td class="c-place" title={visible(place)}>
        <bdi>{visible(place)}</bdi>
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
      <td colSpan={COLUMNS.length} style={{ height: `${rows * ROW_PX}px` }} />
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

/** All tasks; of ten thousand, only those that can be seen are in the document. */
export function Table() {
  const scroller = useRef<HTMLDivElement>(null);
  const first = useSignal(0);
  const visibleRows = useSignal(24);
  usePrinting();
  // A shorter list may not have the row any more.
  useSignalEffect(() => {
    const { length } = listed.value;
    if (active.peek() >= length) active.value = length - 1;
  });
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
  const onKey: KeyboardEventHandler<HTMLTableElement> = (event) => {
    if (event.target !== event.currentTarget) return;
    const row = listed.value[active.value];
    if ((event.key === 'Enter' || event.key === ' ') && row !== undefined) {
      event.preventDefault();
      select(row);
      return;
    }
    const to = moved(event.key, visibleRows.value - 2, listed.value.length - 1);
    if (to === undefined) return;
    event.preventDefault();
    active.value = to;
    if (scroller.current !== null) reveal(scroller.current, to);
  };
  const all = listed.value;
  const begin = printing.value
    ? 0
    : Math.max(0, Math.min(first.value, all.length - visibleRows.value) - MARGIN_ROWS);
  const end = printing.value
    ? Math.min(all.length, PRINTED_ROWS)
    : Math.min(all.length, first.value + visibleRows.value + MARGIN_ROWS + STEP_ROWS);
  return (
    <div class="grid" ref={scroller} onScroll={measure}>
      <table
        id="grid"
        role="grid"
        tabIndex={0}
        aria-label="Tasks. Arrow keys move, Enter shows a task."
        aria-rowcount={all.length + 1}
        aria-activedescendant={
          active.value >= begin && active.value < end ? `row-${active.value}` : undefined
        }
        onKeyDown={onKey}
      >
        <Head />
        <tbody>
          <Space rows={begin} />
          {all.slice(begin, end).map((row, offset) => (
            // A row that leaves the view becomes the one that enters it.
            <TaskRow key={(begin + offset) % (end - begin)} row={row} index={begin + offset} />
          ))}
          <Space rows={printing.value ? 0 : all.length - end} />
        </tbody>
      </table>
      {all.length === 0 && <p class="nothing">No task matches. {count(0)} shown.</p>}
    </div>
  );
}
