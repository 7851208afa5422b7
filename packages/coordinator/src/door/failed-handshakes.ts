import type { LimitValues } from '@org/dte-protocol';
import { neighbourhoodOf } from './neighbourhood';

/** A unit, no limit. */
const WINDOW_MS = 60_000;
/** Addresses that are remembered; of more, the oldest is forgotten. About 100 bytes each. */
const MOST_ADDRESSES = 10_000;

interface Count {
  failed: number;
  readonly untilMs: number;
}

/**
 * How long the answer to a failed handshake is held back: not at all for the first of an address within a minute, which a job
 * with the wrong secret needs, and then so long that nobody tries many secrets or tokens. A connection that waits is one of the
 * unauthenticated connections of its address, which are limited too. Nobody is locked out: whoever authenticates never waits,
 * even from behind the proxy of somebody who fails.
 */
export class FailedHandshakes {
  /** By address, oldest first. */
  private readonly counts = new Map<string, Count>();

  constructor(
    private readonly limits: Pick<LimitValues, 'failedHandshakesPerMinute' | 'failedHandshakeMs'>,
    /** Milliseconds, never running back. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Counts one more. @returns for how long its answer is held back, in ms; 0: not at all */
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
