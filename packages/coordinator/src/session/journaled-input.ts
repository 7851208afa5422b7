import type { RunSpec } from '@org/dte-protocol';
import type { Input } from '@org/dte-scheduler';
import type { JournalEntry } from '../journal/journal';

/**
 * An input as the journal holds it. A run's spec may be hundreds of megabytes and is on disk already when the run is
 * submitted (executors fetch it as it came), so the journal only names it.
 */
export type JournaledInput =
  | Exclude<Input, { type: 'run.submit' }>
  | (Omit<Extract<Input, { type: 'run.submit' }>, 'spec'> & { runId: string });

export function toJournal(input: Input): JournaledInput {
  if (input.type !== 'run.submit') return input;
  const { spec, ...rest } = input;
  return { ...rest, runId: spec.runId };
}

/** The way back; `specOf` reads the stored spec of a run. */
export async function fromJournal(
  entry: JournalEntry,
  specOf: (runId: string) => Promise<RunSpec>,
): Promise<Input> {
  // Only this module's other function ever wrote it, and the journal vouches for every line (journal-lines.ts).
  const input = entry.input as JournaledInput;
  if (input.type !== 'run.submit') return input;
  const { runId, ...rest } = input;
  return { ...rest, spec: await specOf(runId) };
}
