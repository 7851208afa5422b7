import type { RunSpec } from '@org/dte-protocol';
import type { Input } from '@org/dte-scheduler';
import type { JournalEntry } from '../journal/journal';

/**
 * An input as the journal holds it. A run's spec may be hundreds of megabytes and is on disk already when the run is
 * submitted (executors fetch it as it came), so the journal only names it.
 */
export type JournaledInput = Exclude<Input, { type: 'run.submit' }> | { type: 'run.submit'; runId: string };

export const toJournal = (input: Input): JournaledInput =>
  input.type === 'run.submit' ? { type: 'run.submit', runId: input.spec.runId } : input;

/** The way back; `specOf` reads the stored spec of a run. */
export async function fromJournal(
  entry: JournalEntry,
  specOf: (runId: string) => Promise<RunSpec>,
): Promise<Input> {
  // Only this module's other function ever wrote it, and the journal vouches for every line (journal-lines.ts).
  const input = entry.input as JournaledInput;
  return input.type === 'run.submit' ? { type: 'run.submit', spec: await specOf(input.runId) } : input;
}
