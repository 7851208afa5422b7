import { LIMITS } from '@org/dte-protocol';

/** Cost of a message in addition to its bytes: it is parsed, and perhaps stored and answered. A weight in `peerBytesPerSecond`. */
const PER_MESSAGE_BYTES = 1024;

export interface ThrottleOptions {
  readonly bytesPerSecond: number;
  /** Size of the largest burst. */
  readonly burstBytes: number;
  /** How long the other side may be silent. */
  readonly leaseMs: number;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

/** Limits the rate of one peer's messages: a bucket that holds `burstBytes` and drains by `bytesPerSecond`. */
export class Throttle {
  private level = 0;
  private atMs: number;
  private readonly now: () => number;

  constructor(private readonly options: ThrottleOptions) {
    this.now = options.now ?? (() => performance.now());
    this.atMs = this.now();
  }

  /**
   * Counts a message of this size.
   * @returns how long to stop reading, in ms; 0: continue
   */
  take(bytes: number): number {
    const { bytesPerSecond, burstBytes, leaseMs } = this.options;
    const nowMs = this.now();
    const drained = ((nowMs - this.atMs) / 1_000) * bytesPerSecond;
    this.atMs = nowMs;
    this.level = Math.max(0, this.level - drained) + bytes + PER_MESSAGE_BYTES;
    const over = this.level - burstBytes;
    if (over <= 0) return 0;
    // At most half of the silence after which the other side is considered dead.
    return Math.min(
      LIMITS.throttlePauseMs.value,
      Math.ceil(leaseMs / 2),
      Math.ceil((over / bytesPerSecond) * 1_000),
    );
  }
}
