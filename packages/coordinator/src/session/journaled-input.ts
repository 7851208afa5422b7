import type { RunSpec } from '@org/dte-protocol';
import type { Input } from '@org/dte-scheduler';
import type { JournalEntry } from '../journal/journal';

/**
 * An input in the form that the journal stores. A run's spec may be hundreds of megabytes and is already on disk when
 * the run is submitted (executors fetch the original bytes), so the journal only names it.
 */
export type JournaledInput =
  | Exclude<Input, { type: 'run.submit' }>
  | (Omit<Extract<Input, { type: 'run.submit' }>, 'spec'> & { runId: string });

export function toJournal(input: Input): JournaledInput {
  if (input.type !== 'run.submit') return input;
  const { spec, ...rest } = input;
  return { ...rest, runId: spec.runId };
}

/** The reverse; `specOf` reads the stored spec of a run. */
export async function fromJournal(
  entry: JournalEntry,
  specOf: (runId: string) => Promise<RunSpec>,
): Promise<Input> {
  // Only the other function of this module writes it, and the journal vouches for every line (journal-lines.ts).
  const input = entry.input as JournaledInput;
  if (input.type !== 'run.submit') return input;
  const { runId, ...rest } = input;
  return { ...rest, spec: await specOf(runId) };
}
