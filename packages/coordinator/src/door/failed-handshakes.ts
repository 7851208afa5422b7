import type { LimitValues } from '@org/dte-protocol';
import { neighbourhoodOf } from './neighbourhood';

/** The window of `failedHandshakesPerMinute`. Not configurable: part of its definition. */
const WINDOW_MS = 60_000;
/** Addresses that are remembered; of more, the oldest is forgotten. About 100 bytes each. */
const MOST_ADDRESSES = 10_000;

interface Count {
  failed: number;
  readonly untilMs: number;
}

/**
 * How long the answer to a failed handshake is delayed. The first failures of an address within a minute are answered at once,
 * so that a job with a wrong secret learns of it. Later ones are delayed, so that trying many secrets or tokens takes too long. A
 * delayed connection counts as one of the unauthenticated connections of its address, which are limited too. A client that
 * authenticates is never delayed, even behind the same proxy as clients that fail.
 */
export class FailedHandshakes {
  /** By address, oldest first. */
  private readonly counts = new Map<string, Count>();

  constructor(
    private readonly limits: Pick<LimitValues, 'failedHandshakesPerMinute' | 'failedHandshakeMs'>,
    /** Milliseconds, monotonic. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Counts one more. @returns the delay of its answer in ms; 0: none */
  add(address: string): number {
    const { failedHandshakesPerMinute, failedHandshakeMs } = this.limits;
    const count = this.countOf(neighbourhoodOf(address));
    count.failed += 1;
    return count.failed > failedHandshakesPerMinute ? failedHandshakeMs : 0;
  }

  private countOf(key: string): Count {
    const nowMs = this.now();
    const known = this.counts.get(key);
    if (known !== undefined && known.untilMs > nowMs) return known;
    this.counts.delete(key);
    const [oldest] = this.counts.keys();
    if (this.counts.size >= MOST_ADDRESSES && oldest !== undefined) this.counts.delete(oldest);
    const fresh = { failed: 0, untilMs: nowMs + WINDOW_MS };
    this.counts.set(key, fresh);
    return fresh;
  }
}
