import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { select, totals } from '../core/state';
import { count, counted } from '../core/text';
import { sentence } from './describe';
import { Painter, type Marks } from './draw';
import { layout, type Bar } from './layout';
import { paletteOf } from './palette';
import { Tooltip } from './tooltip';
import { barAt, heightOf, msOf, SIZE, TOP, topsOf, xOf, yOf, type View } from './view';
import { next, type Direction } from './walk';

/** Width of the names, on a wide and on a narrow screen. */
const NAMES_PX = { wide: 148, narrow: 84 } as const;
/** From here on, a screen is wide. */
const WIDE_PX = 640;
/** Height that the timeline takes at most: what is below should be seen to be there. */
const MAX_PX = 560;
/** One step of zooming. */
const ZOOM_STEP = 1.6;
/** A browser cannot scroll wider than about 16 million pixels. */
const MAX_CONTENT_PX = 8_000_000;

const DIRECTIONS: Readonly<Record<string, Direction>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

const LEGEND: readonly (readonly [string, string])[] = [
  ['run ok', 'succeeded'],
  ['run failed', 'failed'],
  ['run cached', 'cache hit'],
  ['run lost', 'lost'],
  ['wait', 'waiting'],
  ['restore', 'restoring'],
  ['store', 'storing'],
];

const Legend = () => (
  <ul class="legend" aria-label="Legend">
    {LEGEND.map(([kind, word]) => (
      <li key={kind}>
        <span class={`swatch ${kind}`} aria-hidden="true" />
        {word}
      </li>
    ))}
    <li>
      <span class="swatch path" aria-hidden="true" />
      critical path
    </li>
  </ul>
);

/** What the timeline shows, and the part of it that is in view. */
function useTimeline() {
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSignal({ width: 0, height: 0 });
  const scroll = useSignal({ left: 0, top: 0 });
  const zoom = useSignal(1);
  const hovered = useSignal<{ readonly bar: Bar; readonly x: number; readonly y: number } | null>(null);
  const focused = useSignal<Bar | null>(null);
  const showPath = useSignal(true);
  const theme = useSignal(0);
  const tops = useComputed(() => topsOf(layout.value.lanes));
  const names = useComputed(() => (size.value.width < WIDE_PX ? NAMES_PX.narrow : NAMES_PX.wide));
  const view = useComputed((): View => {
    const { width, height } = size.value;
    const { startMs, endMs } = layout.value;
    const room = Math.max(1, width - names.value - SIZE.end);
    const pxPerMs = (room * zoom.value) / (endMs - startMs);
    const { left, top } = scroll.value;
    return {
      layout: layout.value,
      width,
      height,
      names: names.value,
      pxPerMs,
      scrollLeft: left,
      scrollTop: top,
      tops: tops.value,
    };
  });
  return { scroller, canvas, size, scroll, zoom, hovered, focused, showPath, theme, tops, names, view };
}

type State = ReturnType<typeof useTimeline>;

/** Draws again whenever something that is drawn has changed, at most once a frame. */
function useDrawing({ canvas, view, hovered, focused, showPath, theme, size }: State): void {
  const frame = useRef(0);
  const painter = useRef<{ readonly theme: number; readonly of: Painter } | null>(null);
  useSignalEffect(() => {
    const marks: Marks = {
      hovered: hovered.value?.bar ?? null,
      focused: focused.value,
      showPath: showPath.value && view.value.layout.paths.length > 0,
    };
    const [now, colours] = [view.value, theme.value, size.value];
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      const { current } = canvas;
      const pen = current?.getContext('2d');
      if (current === null || pen == null || now.width === 0) return;
      if (painter.current?.theme !== colours)
        painter.current = { theme: colours, of: new Painter(pen, paletteOf(current)) };
      fit(current, pen, now);
      painter.current.of.draw(now, marks);
    });
  });
}

/** As many pixels as the screen has for it. */
function fit(canvas: HTMLCanvasElement, pen: CanvasRenderingContext2D, view: View): void {
  const ratio = window.devicePixelRatio;
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
}

function useSize({ scroller, size, theme }: State): void {
  useEffect(() => {
    const { current } = scroller;
    if (current === null) return;
    const observer = new ResizeObserver(() => {
      size.value = { width: current.clientWidth, height: current.clientHeight };
    });
    observer.observe(current);
    // Paper has other colours than a dark screen.
    const themes = ['(prefers-color-scheme: dark)', 'print'].map((query) => window.matchMedia(query));
    const onTheme = () => (theme.value += 1);
    for (const one of themes) one.addEventListener('change', onTheme);
    return () => {
      observer.disconnect();
      for (const one of themes) one.removeEventListener('change', onTheme);
    };
  }, []);
}

/** Zooms so that the time at `x` stays where it is. */
function zoomBy({ zoom, view, scroller, scroll }: State, factor: number, x?: number): void {
  const { current } = scroller;
  if (current === null) return;
  const before = view.value;
  const at = x ?? (before.names + before.width) / 2;
  const ms = msOf(before, at);
  const most = MAX_CONTENT_PX / Math.max(1, before.width - before.names);
  zoom.value = Math.min(most, Math.max(1, zoom.value * factor));
  const left = (ms - before.layout.startMs) * view.value.pxPerMs - (at - before.names);
  // The content gets its new width when it is rendered: scrolling before that would stop at the old one.
  requestAnimationFrame(() => {
    current.scrollLeft = left;
    scroll.value = { left: current.scrollLeft, top: current.scrollTop };
  });
}

function useWheel(state: State): void {
  useEffect(() => {
    const { current } = state.scroller;
    const onWheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomBy(state, Math.exp(-event.deltaY / 240), event.offsetX);
    };
    current?.addEventListener('wheel', onWheel, { passive: false });
    return () => current?.removeEventListener('wheel', onWheel);
  }, []);
}

/** Brings a bar into view. */
function reveal({ view, scroller, tops }: State, bar: Bar, lane: number): void {
  const { current } = scroller;
  if (current === null) return;
  const now = view.value;
  const x = xOf(now, bar.startMs);
  if (x < now.names || xOf(now, bar.endMs) > now.width)
    current.scrollLeft += x - now.names - Math.min(40, now.width / 8);
  const y = yOf(now, lane);
  if (y < TOP) current.scrollTop = (tops.value[lane] ?? 0) - SIZE.gap;
  if (y + SIZE.lane > now.height) current.scrollTop += y + SIZE.lane - now.height + SIZE.gap;
}

function onKey(state: State, event: TargetedKeyboardEvent<HTMLDivElement>): void {
  const { focused, view } = state;
  const direction = DIRECTIONS[event.key];
  if (direction !== undefined && !event.altKey && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const found = next(view.value.layout.lanes, focused.value, direction);
    if (found === null) return;
    focused.value = found.bar;
    reveal(state, found.bar, found.lane);
  } else if (event.key === 'Enter' && focused.value !== null) select(focused.value.row);
  else if (event.key === '+' || event.key === '=') zoomBy(state, ZOOM_STEP);
  else if (event.key === '-') zoomBy(state, 1 / ZOOM_STEP);
  else if (event.key === '0') zoomBy(state, 0);
}

function Canvas({ state }: { readonly state: State }) {
  const { scroller, canvas, size, scroll, hovered, focused, view, tops, names, zoom } = state;
  // Here and not where the state is: on a live page, there is nothing to draw at first.
  useSize(state);
  useWheel(state);
  useDrawing(state);
  // Not of the view, which each frame of a scroll changes: that only draws, and renders nothing.
  const { width, height: room } = size.value;
  const height = heightOf(tops.value);
  const onMove = ({ offsetX, offsetY, clientX, clientY }: PointerEvent): void => {
    const bar = barAt(view.value, offsetX, offsetY);
    hovered.value = bar === null ? null : { bar, x: clientX, y: clientY };
  };
  return (
    <div
      class={`scroller ${hovered.value === null ? '' : 'over'}`}
      ref={scroller}
      role="application"
      tabIndex={0}
      aria-label="Timeline of all slots. Arrow keys go from task to task, plus and minus zoom, Enter shows a task. The table of tasks below says the same."
      aria-describedby="timeline-focus"
      style={{ height: `${Math.min(MAX_PX, height + TOP + 2)}px` }}
      onScroll={({ currentTarget }) => {
        hovered.value = null;
        scroll.value = { left: currentTarget.scrollLeft, top: currentTarget.scrollTop };
      }}
      onKeyDown={(event) => onKey(state, event)}
      onBlur={() => (focused.value = null)}
    >
      <div
        class="content"
        style={{
          width: `${names.value + (width - names.value - SIZE.end) * zoom.value + SIZE.end}px`,
          height: `${height + TOP}px`,
        }}
      >
        <canvas
          ref={canvas}
          style={{ width: `${width}px`, height: `${room}px` }}
          onPointerMove={onMove}
          onPointerLeave={() => (hovered.value = null)}
          onClick={() => {
            if (hovered.value !== null) select(hovered.value.bar.row);
          }}
        />
      </div>
    </div>
  );
}

function Toolbar({ state }: { readonly state: State }) {
  const { showPath, zoom } = state;
  return (
    <div class="tools" role="group" aria-label="Timeline">
      <button
        type="button"
        class="chip"
        aria-pressed={showPath.value}
        onClick={() => (showPath.value = !showPath.value)}
      >
        Critical path
      </button>
      <button
        type="button"
        class="chip"
        aria-label="Zoom out"
        disabled={zoom.value <= 1}
        onClick={() => zoomBy(state, 1 / ZOOM_STEP)}
      >
        −
      </button>
      <button type="button" class="chip" aria-label="Zoom in" onClick={() => zoomBy(state, ZOOM_STEP)}>
        +
      </button>
      <button type="button" class="chip" disabled={zoom.value <= 1} onClick={() => zoomBy(state, 0)}>
        Fit
      </button>
    </div>
  );
}

/** Why there is nothing to draw. */
function emptyText(): string {
  const { tasks, fromCache, byStatus } = totals.value;
  if (tasks === 0) return 'There are no tasks.';
  if (byStatus.waiting + byStatus.running > 0) return 'No slot has had a task yet.';
  return fromCache === tasks
    ? 'Every result came from a cache, so no slot had anything to do.'
    : 'No slot has run a task.';
}

/** What every slot did when. */
export function Timeline() {
  const state = useTimeline();
  const { hovered, focused } = state;
  const { lanes } = layout.value;
  const bars = lanes.reduce((sum, lane) => sum + lane.bars.length, 0);
  return (
    <section class="panel timeline" aria-labelledby="timeline-title">
      <div class="bar">
        <h2 id="timeline-title">Timeline</h2>
        {bars > 0 && (
          <p class="quiet">
            {counted(bars, 'attempt')} on {counted(lanes.length, 'slot')}
          </p>
        )}
        {bars > 0 && <Toolbar state={state} />}
      </div>
      {bars === 0 ? (
        <p class="nothing">{emptyText()}</p>
      ) : (
        <>
          <Canvas state={state} />
          <Legend />
        </>
      )}
      <p id="timeline-focus" class="hidden" aria-live="polite">
        {focused.value === null ? '' : sentence(focused.value)}
      </p>
      {hovered.value !== null && <Tooltip {...hovered.value} />}
      {focused.value !== null && hovered.value === null && <FocusTip state={state} bar={focused.value} />}
      <span class="hidden">{count(bars)} bars</span>
    </section>
  );
}

/** Beside the bar that has the focus, the same text as at the pointer. */
function FocusTip({ state: { view, scroller }, bar }: { readonly state: State; readonly bar: Bar }) {
  const box = scroller.current?.getBoundingClientRect();
  if (box === undefined) return null;
  const now = view.value;
  const lane = now.layout.lanes.findIndex(({ bars }) => bars.includes(bar));
  const x = Math.max(now.names, xOf(now, bar.startMs));
  return <Tooltip bar={bar} x={box.left + x} y={box.top + yOf(now, lane) + SIZE.lane / 2} />;
}
