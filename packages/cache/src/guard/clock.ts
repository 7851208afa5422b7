import { DteError } from '@org/dte-protocol';

/** Port: time, so that specs need not wait. */
export interface Clock<T = unknown> {
  now(): number;
  setTimeout(run: () => void, delayMs: number): T;
  clearTimeout(timer: T): void;
}

export const systemClock: Clock<NodeJS.Timeout> = {
  now: Date.now,
  // It keeps no process running: whoever waits for a cache has something else that does.
  setTimeout: (run, delayMs) => setTimeout(run, delayMs).unref(),
  clearTimeout: (timer) => clearTimeout(timer),
};

/**
 * Waits for work that may ignore its signal: a store that hangs must not keep anybody waiting.
 * @param late the message of the error when the time is over; the signal is aborted with it
 * @throws DteError DTE_TIMEOUT, and whatever the work throws
 */
export async function within<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, ms, late }: { readonly clock: Clock; readonly ms: number; readonly late: string },
): Promise<T> {
  const abort = new AbortController();
  let timer: unknown;
  const timeout = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(() => {
      const error = new DteError('DTE_TIMEOUT', late);
      reject(error);
      abort.abort(error);
    }, ms);
  });
  const working = work(abort.signal);
  // What it says after its time is over concerns nobody.
  working.catch(() => undefined);
  try {
    return await Promise.race([working, timeout]);
  } finally {
    clock.clearTimeout(timer);
  }
}
