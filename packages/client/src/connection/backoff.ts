/**
 * Reconnect delays drawn uniformly from a window that doubles: [min, min*2), [min*2, min*4), ... up to max.
 * Uniform windows keep a thousand agents that lost the same coordinator from coming back in step, which exponential
 * delays with a little jitter do not.
 */
export interface Backoff {
  /** Milliseconds to wait before the next try. */
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
