import { firstAfter, type Lane } from './layout';

interface Span {
  readonly from: number;
  readonly to: number;
  readonly columns: number;
}

/** For each column of pixels, the average number of slots that are busy. */
function busySlots(lanes: readonly Lane[], { from, to, columns }: Span): Float64Array {
  const msPerColumn = (to - from) / columns;
  // Differences first, then their sum: each bar costs four additions, however wide it is.
  const level = new Float64Array(columns + 1);
  const change = (ms: number, by: number): void => {
    const at = Math.min(columns, Math.max(0, (ms - from) / msPerColumn));
    const column = Math.floor(at);
    level[column] = (level[column] ?? 0) + by * (column + 1 - at);
    if (column < columns) level[column + 1] = (level[column + 1] ?? 0) + by * (at - column);
  };
  for (const { bars } of lanes)
    for (let index = firstAfter(bars, from); index < bars.length; index++) {
      const bar = bars[index];
      if (bar === undefined || bar.startMs > to) break;
      change(bar.startMs, 1);
      change(bar.endMs, -1);
    }
  for (let column = 1; column <= columns; column++)
    level[column] = (level[column] ?? 0) + (level[column - 1] ?? 0);
  return level.subarray(0, columns);
}

/** Keeps what it has counted: it is the same for each frame that only scrolls down. */
export class BusySlots {
  private known: {
    readonly lanes: readonly Lane[];
    readonly span: Span;
    readonly levels: Float64Array;
  } | null = null;

  in(lanes: readonly Lane[], span: Span): Float64Array {
    const { known } = this;
    if (known !== null && known.lanes === lanes && isSame(known.span, span)) return known.levels;
    const levels = busySlots(lanes, span);
    this.known = { lanes, span, levels };
    return levels;
  }
}

const isSame = (a: Span, b: Span): boolean => a.from === b.from && a.to === b.to && a.columns === b.columns;
