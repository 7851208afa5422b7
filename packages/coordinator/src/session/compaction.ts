import { DteError, type LimitValues } from '@org/dte-protocol';
import type { Journal, Snapshot } from '../journal/journal';

export interface CompactionOptions {
  readonly journal: Journal;
  readonly limits: Pick<LimitValues, 'journalTailBytes' | 'journalTailFactor'>;
  /** A snapshot of the state after all entries of the journal, which does not change meanwhile. */
  readonly take: () => Promise<Snapshot>;
  /** The journal refers to nothing of before any more, and that survives whatever an append survives. Must not reject. */
  readonly release: () => Promise<unknown>;
  readonly onCompacted: (facts: { readonly from: number; readonly to: number; readonly ms: number }) => void;
  /** The compaction failed; the journal is unchanged and stays in use. */
  readonly onFailed: (error: DteError) => void;
}

/**
 * Decides when the journal of a session is compacted, so that it takes a bounded part of the disk and a restart reads a
 * bounded amount: a snapshot, and after it `journalTailBytes` or `journalTailFactor` times its size.
 */
export class Compaction {
  /** Size of the specs of runs submitted since the snapshot: a replay reads them as well. */
  private specBytes = 0;
  /** Set after a failure: a disk may stay full for a long time, and each attempt writes the whole snapshot. */
  private notBelowBytes = 0;

  constructor(private readonly options: CompactionOptions) {}

  /** Call this when the spec of a run was stored. */
  addSpec(bytes: number): void {
    this.specBytes += bytes;
  }

  /** Compacts the journal if it is due. Call this when all entries are applied. Never rejects. */
  async run(): Promise<void> {
    const { journal, limits, take, release, onCompacted, onFailed } = this.options;
    const { snapshot, tail } = journal.size;
    const bytes = tail + this.specBytes;
    const allowed = Math.max(limits.journalTailBytes, limits.journalTailFactor * snapshot);
    if (bytes < Math.max(allowed, this.notBelowBytes)) return;
    const startedMs = performance.now();
    try {
      await journal.compact(await take());
      this.specBytes = 0;
      this.notBelowBytes = 0;
      const ms = Math.round(performance.now() - startedMs);
      onCompacted({ from: snapshot + tail, to: journal.size.snapshot, ms });
    } catch (thrown) {
      this.notBelowBytes = bytes + limits.journalTailBytes;
      onFailed(DteError.from(thrown));
      return;
    }
    // If the machine could still lose the compaction, the journal of before, and what it refers to, would be needed again.
    const isSecured = await journal.secure().then(
      () => true,
      () => false,
    );
    if (isSecured) await release();
  }
}
