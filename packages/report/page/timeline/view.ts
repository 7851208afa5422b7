import type { Bar, Lane, Layout } from './layout';

/** Sizes of the timeline in px. */
export const SIZE = {
  axis: 26,
  /** How busy all slots are, below the axis. */
  area: 34,
  lane: 22,
  bar: 18,
  /** Above the first slot of each machine. */
  gap: 6,
  /** Right of the last bar. */
  end: 16,
} as const;
export const TOP = SIZE.axis + SIZE.area;

/** What is visible of the timeline. */
export interface View {
  readonly layout: Layout;
  /** Of the canvas, with the names on the left and the axis above. */
  readonly width: number;
  readonly height: number;
  /** Width of the names. */
  readonly names: number;
  readonly pxPerMs: number;
  readonly scrollLeft: number;
  readonly scrollTop: number;
  /** Top of each lane, from the first one's. */
  readonly tops: readonly number[];
}

export const topsOf = (lanes: readonly Lane[]): number[] => {
  let top = 0;
  return lanes.map(({ isFirst }) => {
    if (isFirst) top += SIZE.gap;
    const own = top;
    top += SIZE.lane;
    return own;
  });
};

/** Height of all lanes. */
export const heightOf = (tops: readonly number[]): number => (tops.at(-1) ?? 0) + SIZE.lane + SIZE.gap;

export const xOf = ({ layout, names, pxPerMs, scrollLeft }: View, ms: number): number =>
  names + (ms - layout.startMs) * pxPerMs - scrollLeft;

export const msOf = ({ layout, names, pxPerMs, scrollLeft }: View, x: number): number =>
  layout.startMs + (x - names + scrollLeft) / pxPerMs;

export const yOf = ({ tops, scrollTop }: View, lane: number): number => TOP + (tops[lane] ?? 0) - scrollTop;

/** Lanes that can be seen: from the first to before the last. */
export function visibleLanes(view: View): [number, number] {
  const { tops, scrollTop, height } = view;
  const first = tops.findIndex((top) => top + SIZE.lane > scrollTop);
  const after = tops.findIndex((top) => top > scrollTop + height);
  return [Math.max(0, first), after === -1 ? tops.length : after];
}

/** How near a thin bar the pointer has to be, in px. */
const NEAR_PX = 4;

/** The bar at this point of the canvas. */
export function barAt(view: View, x: number, y: number): Bar | null {
  if (x < view.names || y < TOP) return null;
  const at = y - TOP + view.scrollTop;
  const lane = view.tops.findIndex((top) => at >= top && at < top + SIZE.lane);
  const bars = view.layout.lanes[lane]?.bars ?? [];
  let best: Bar | null = null;
  let bestPx = NEAR_PX;
  for (const bar of bars) {
    const [from, to] = [xOf(view, bar.startMs), xOf(view, bar.endMs)];
    const px = x < from ? from - x : x > to ? x - to : 0;
    if (px < bestPx || px === 0) [best, bestPx] = [bar, px];
  }
  return best;
}
