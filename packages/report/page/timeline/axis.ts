const SECOND = 1_000; // in ms
const MINUTE = 60_000; // in ms
const HOUR = 3_600_000; // in ms
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  .concat([1, 2, 5, 10, 15, 30].map((n) => n * SECOND))
  .concat([1, 2, 5, 10, 15, 30].map((n) => n * MINUTE))
  .concat([1, 2, 4, 8, 24].map((n) => n * HOUR));
/** Room for the label of a tick. */
const TICK_PX = 84;

/** The time between two ticks, at so many pixels for a millisecond. */
export const stepOf = (pxPerMs: number): number =>
  STEPS.find((step) => step * pxPerMs >= TICK_PX) ?? Math.ceil(TICK_PX / pxPerMs / HOUR) * HOUR;

const two = (value: number): string => String(value).padStart(2, '0');

/** Since the beginning: `1:05`, `12.5 s`. */
export function tickText(ms: number, step: number): string {
  if (ms === 0) return '0';
  if (step < SECOND) return `${(ms / SECOND).toFixed(step < 10 ? 3 : step < 100 ? 2 : 1)} s`;
  if (ms < MINUTE && step < MINUTE) return `${Math.round(ms / SECOND)} s`;
  const seconds = Math.round(ms / SECOND);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = two(seconds % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
