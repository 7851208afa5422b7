import { setImmediate, setTimeout } from 'node:timers/promises';

/** Ends work that has taken too long. */
export class OutOfTime extends Error {}

/** Call it again and again during long work. */
export type Pause = () => Promise<void>;

/** Work that goes on for longer keeps the process from everything else. Not configurable: nobody notices it. */
const SLICE_MS = 20;

/** Of the process's time, work in the background takes a fifth. Not configurable: a command has nothing better to do then. */
const [BACKGROUND_SLICE_MS, REST_MS] = [5, 20];

/** For work that nothing waits for. Ends it when `signal` is aborted, by a rejection. */
export function resting(signal: AbortSignal): Pause {
  let sinceMs = Date.now();
  return async () => {
    if (Date.now() - sinceMs < BACKGROUND_SLICE_MS) return;
    await setTimeout(REST_MS, undefined, { signal, ref: false });
    sinceMs = Date.now();
  };
}

/**
 * Lets the process do other things after a while.
 * @throws OutOfTime when `untilMs` is over, or nobody wants the result any more
 */
export function pausing(untilMs: number, signal: AbortSignal): Pause {
  let sinceMs = Date.now();
  return async () => {
    if (signal.aborted) throw new OutOfTime();
    if (Date.now() - sinceMs < SLICE_MS) return;
    await setImmediate();
    sinceMs = Date.now();
    if (sinceMs >= untilMs) throw new OutOfTime();
  };
}
