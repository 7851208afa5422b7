import type { CacheMeter } from '@org/dte-cache';
import type { ReportEvent } from '@org/dte-report';
import type { Effects } from '@org/dte-scheduler';

/** Port: what sessions and stores tell about their work, for metrics. Must not throw. */
export interface Meter {
  /**
   * The effects of inputs were performed.
   * @param waitedMs since the first of the inputs had arrived
   */
  performed(effects: readonly Effects[], waitedMs: number): void;
  /** A main job told what happened in its commands. */
  told(events: readonly ReportEvent[]): void;
  /** Inputs were written to a journal. */
  journalWritten(ms: number): void;
  /** A client asked whether the session's store has the result of a hash. */
  looked(isHit: boolean): void;
  /** Bytes of a complete artifact that arrived, or of one that was sent (or was to be sent). */
  transferred(direction: 'received' | 'sent', bytes: number): void;
  readonly sharedCache: CacheMeter;
}
