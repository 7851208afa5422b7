import { LIMITS } from '@org/dte-protocol';

/** What a message costs beside its bytes: it is parsed, and may be written down and answered. A weight in `peerBytesPerSecond`. */
const PER_MESSAGE_BYTES = 1024;

export interface ThrottleOptions {
  readonly bytesPerSecond: number;
  /** What may be said at once. */
  readonly burstBytes: number;
  /** How long the other side may be silent. */
  readonly leaseMs: number;
  /** Milliseconds, never running back. */
  readonly now?: () => number;
}

/** How much one peer may say: a bucket that holds `burstBytes` and drains by `bytesPerSecond`. */
export class Throttle {
  private level = 0;
  private atMs: number;
  private readonly now: () => number;

  constructor(private readonly options: ThrottleOptions) {
    this.now = options.now ?? (() => performance.now());
    this.atMs = this.now();
  }

  /**
   * Takes a message of so many bytes.
   * @returns for how long nothing more should be read, in ms; 0: go on
   */
  take(bytes: number): number {
    const { bytesPerSecond, burstBytes, leaseMs } = this.options;
    const nowMs = this.now();
    const drained = ((nowMs - this.atMs) / 1_000) * bytesPerSecond;
    this.atMs = nowMs;
    this.level = Math.max(0, this.level - drained) + bytes + PER_MESSAGE_BYTES;
    const over = this.level - burstBytes;
    if (over <= 0) return 0;
    // None takes more than half of the silence after which the other side is taken for dead.
    return Math.min(
      LIMITS.throttlePauseMs.value,
      Math.ceil(leaseMs / 2),
      Math.ceil((over / bytesPerSecond) * 1_000),
    );
  }
}
