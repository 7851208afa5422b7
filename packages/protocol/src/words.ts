/** A duration for people, rounded: `42 s`, `1 min 35 s`, `1 h 2 min`. Negative values give `0 s`. */
export const duration = (ms: number): string => {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes} min ${s % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

/** `1 task`, `2 tasks`: for words whose plural ends in -s. */
export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** The latest moment that a `Date` can be, in ms since the epoch: a fact of ECMAScript. */
const LATEST_MS = 8_640_000_000_000_000;

/** A moment for people, `2026-11-30T12:00:00.000Z`. The number may come from anybody: one that is no moment is shown as it is. */
export const moment = (ms: number): string =>
  Math.abs(ms) <= LATEST_MS ? new Date(ms).toISOString() : `${ms} ms after 1970`;
