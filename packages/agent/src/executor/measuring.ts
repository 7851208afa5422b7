import { meterTask, type TaskMeter, type TaskUse } from '@org/dte-nx-compat';
import { type Artifact, type FinishedAttempt, type Measured } from '@org/dte-protocol';

/** What an attempt does, one after the other. */
type Phase = 'queued' | 'restore' | 'wait' | 'run' | 'store';

/** A task of a batch whose own phases are known. */
interface Member {
  /** It stands for the batch: what all its tasks did together is counted with it. */
  readonly isFirst: boolean;
  readonly runMs: number;
  readonly storeMs: number;
}

/** Bytes of the outputs that were stored, as far as they were listed. */
const storedBytes = (artifact: Artifact): number =>
  artifact.kind === 'none' ? 0 : (artifact.outputs?.bytes ?? 0);

/** Measures one attempt: how long each phase takes, what is downloaded meanwhile, and what its task uses. */
export class Measuring {
  private readonly ms: Record<Phase, number>;
  private phase: Phase = 'queued';
  private sinceMs = performance.now();
  private readonly bytesBefore: number;
  private meter: TaskMeter | null = null;
  private use: TaskUse | null = null;

  /**
   * @param receivedMs when the agent received the assignment, by this machine's clock
   * @param downloaded all bytes that this executor has downloaded so far
   */
  constructor(
    receivedMs: number,
    private readonly downloaded: () => number,
  ) {
    // A clock that was set back changes nothing.
    this.ms = { queued: Math.max(0, Date.now() - receivedMs), restore: 0, wait: 0, run: 0, store: 0 };
    this.bytesBefore = downloaded();
  }

  /** The next phase begins, unless it has begun already. */
  enter(phase: Phase): void {
    if (phase === this.phase) return;
    const nowMs = performance.now();
    this.ms[this.phase] += nowMs - this.sinceMs;
    this.phase = phase;
    this.sinceMs = nowMs;
    if (phase === 'run') this.meter ??= meterTask();
    else this.endMeter();
  }

  /** Nothing is measured any more; also after an attempt that did not get to its end. */
  close(): void {
    this.endMeter();
  }

  /** What the attempt of a single task took, up to now. */
  ofTask({ artifact, fromCache }: Pick<FinishedAttempt, 'artifact' | 'fromCache'>): Measured {
    this.endMeter();
    const ranMs = { ...this.ms };
    ranMs[this.phase] += performance.now() - this.sinceMs;
    const use = fromCache === null ? this.use : null;
    return {
      queuedMs: Math.round(ranMs.queued),
      restoreMs: Math.round(ranMs.restore),
      waitMs: Math.round(ranMs.wait),
      runMs: Math.round(ranMs.run),
      storeMs: Math.round(ranMs.store),
      cpuMs: use?.cpuMs ?? null,
      peakMemoryBytes: use?.peakBytes ?? null,
      restoredBytes: this.downloaded() - this.bytesBefore,
      storedBytes: storedBytes(artifact),
    };
  }

  /** What is known of one task of a batch. */
  ofMember(artifact: Artifact, { isFirst, runMs, storeMs }: Member): Measured {
    return {
      queuedMs: isFirst ? Math.round(this.ms.queued) : 0,
      restoreMs: isFirst ? Math.round(this.ms.restore) : 0,
      waitMs: isFirst ? Math.round(this.ms.wait) : 0,
      runMs: Math.round(runMs),
      storeMs: Math.round(storeMs),
      cpuMs: null,
      peakMemoryBytes: null,
      restoredBytes: isFirst ? this.downloaded() - this.bytesBefore : 0,
      storedBytes: storedBytes(artifact),
      batched: true,
    };
  }

  private endMeter(): void {
    this.use = this.meter?.end() ?? this.use;
    this.meter = null;
  }
}
