import { duration } from '@org/dte-protocol';

export { visible, webLink } from '../../src/text/html';

const MS_PER_S = 1000; // a unit
const MS_PER_MIN = 60_000; // a unit
/** Bytes of a unit, each of the next. */
const KIB = 1024;

/** A duration of any length, as exact as it is useful. */
export function brief(ms: number): string {
  if (ms < MS_PER_S) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < MS_PER_MIN ? `${(ms / MS_PER_S).toFixed(1)} s` : duration(ms);
}

export const percent = (part: number, whole: number): string =>
  whole <= 0 ? '–' : `${Math.round((part / whole) * 100)} %`;

const numbers = new Intl.NumberFormat('en-US');
export const count = (value: number): string => numbers.format(value);

export const counted = (value: number, word: string): string =>
  `${count(value)} ${word}${value === 1 ? '' : 's'}`;

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [amount, unit] = [value, 0];
  while (amount >= KIB && unit < units.length - 1) [amount, unit] = [amount / KIB, unit + 1];
  return `${amount >= 10 || unit === 0 ? Math.round(amount) : amount.toFixed(1)} ${units[unit] ?? ''}`;
}

/** `+12 s (1.4 times)`: how much longer than expected. */
export function against(ms: number, expectedMs: number): string {
  const difference = ms - expectedMs;
  return `${difference < 0 ? '−' : '+'}${brief(Math.abs(difference))}`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** A time of day, by the reader's clock. A table that scrolls asks for hundreds of them: `toLocaleTimeString` would take ms. */
export function clock(atMs: number): string {
  const at = new Date(atMs);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
