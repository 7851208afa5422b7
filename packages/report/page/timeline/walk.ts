import { firstAfter, type Bar, type Lane } from './layout';

export type Direction = 'left' | 'right' | 'up' | 'down';

interface Place {
  readonly bar: Bar;
  readonly lane: number;
}

const placeIn = (lanes: readonly Lane[], lane: number, index: number): Place | null => {
  const bar = lanes[lane]?.bars[index];
  return bar === undefined ? null : { bar, lane };
};

/** The bar of a lane that is nearest to a time. */
function nearest(lanes: readonly Lane[], lane: number, ms: number): Place | null {
  const bars = lanes[lane]?.bars ?? [];
  return placeIn(lanes, lane, Math.min(bars.length - 1, firstAfter(bars, ms)));
}

/** Where an arrow key leads: along a slot, or to the next slot that did something. Null: nowhere. */
export function next(lanes: readonly Lane[], from: Bar | null, direction: Direction): Place | null {
  const lane = from === null ? -1 : lanes.findIndex(({ bars }) => bars.includes(from));
  if (from === null || lane === -1) {
    const first = lanes.findIndex(({ bars }) => bars.length > 0);
    return placeIn(lanes, first, 0);
  }
  const index = lanes[lane]?.bars.indexOf(from) ?? 0;
  if (direction === 'left') return placeIn(lanes, lane, index - 1);
  if (direction === 'right') return placeIn(lanes, lane, index + 1);
  const step = direction === 'up' ? -1 : 1;
  for (let other = lane + step; other >= 0 && other < lanes.length; other += step) {
    const found = nearest(lanes, other, from.startMs);
    if (found !== null) return found;
  }
  return null;
}
