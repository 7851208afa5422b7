import { setTimeout as delay } from 'node:timers/promises';

/** Default deadline for one condition in a test; generous, because CI has only two cores. */
export const DEFAULT_DEADLINE_MS = 100_000;
/** Interval of the checks of a condition. */
const POLL_MS = 50;

export interface WaitOptions {
  /** Milliseconds; default `DEFAULT_DEADLINE_MS`. */
  deadlineMs?: number;
  /** What to print when the deadline passes: the state that explains the failure. */
  lastState?: () => string;
}

/**
 * Waits until `condition` returns something other than null, undefined or false, and returns it.
 * @throws Error after the deadline, naming `what`, with the last state
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { deadlineMs = DEFAULT_DEADLINE_MS, lastState }: WaitOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const giveUpAt = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== null && value !== undefined && value !== false)
      return value as NonNullable<Exclude<T, false>>;
    if (Date.now() > giveUpAt) {
      const state = lastState ? `\nLast state:\n${lastState()}` : '';
      throw new Error(`Waited ${deadlineMs} ms in vain for: ${what}${state}`);
    }
    await delay(POLL_MS);
  }
}
