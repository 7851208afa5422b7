/**
 * Reconnect delays, uniformly distributed in a window that doubles: [min, min*2), [min*2, min*4), ... up to max.
 * Uniform windows prevent a thousand agents that lost the same coordinator from reconnecting in step. Exponential
 * delays with a little jitter would not.
 */
export interface Backoff {
  /** Milliseconds until the next try. */
  nextMs(): number;
  reset(): void;
}

/** The first tries, whose windows grow only up to `maxMs`. */
interface Soon {
  readonly tries: number;
  readonly maxMs: number;
}

export function uniformBackoff(
  minMs: number,
  maxMs: number,
  random: () => number = Math.random,
  soon: Soon = { tries: 0, maxMs },
): Backoff {
  let window = minMs;
  let tries = 0;
  return {
    nextMs() {
      tries += 1;
      const most = tries <= soon.tries ? Math.min(soon.maxMs, maxMs) : maxMs;
      const upper = Math.min(window * 2, Math.max(most, minMs));
      const lower = Math.min(window, upper / 2);
      window = upper;
      return Math.round(lower + random() * (upper - lower));
    },
    reset() {
      window = minMs;
      tries = 0;
    },
  };
}
