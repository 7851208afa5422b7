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

export function uniformBackoff(minMs: number, maxMs: number, random: () => number = Math.random): Backoff {
  let window = minMs;
  return {
    nextMs() {
      const upper = Math.min(window * 2, Math.max(maxMs, minMs));
      const lower = Math.min(window, upper / 2);
      window = upper;
      return Math.round(lower + random() * (upper - lower));
    },
    reset() {
      window = minMs;
    },
  };
}
