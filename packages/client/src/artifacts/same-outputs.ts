import { summaryOf, type OutputEntry, type OutputSummary } from '@org/dte-nx-compat';
import { type Artifact, DteError } from '@org/dte-protocol';
import { type OutputsPort } from './ports';

/** @throws DteError DTE_OUTPUT_NAME when a name is no text: nothing could be said, or compared, of it elsewhere */
export function refuseUnnameable(taskId: string, entries: readonly OutputEntry[]): void {
  const unnameable = entries.find(({ kind }) => kind === 'unnameable');
  if (unnameable === undefined) return;
  throw new DteError(
    'DTE_OUTPUT_NAME',
    `The output ${JSON.stringify(unnameable.path)} of ${taskId} has a name that is not UTF-8, so it cannot be sent to another machine.`,
  );
}

/** What the outputs of a task are on this disk. @throws DteError DTE_OUTPUT_NAME */
export async function summariseOutputs(
  port: OutputsPort,
  taskId: string,
  outputs: readonly string[],
): Promise<OutputSummary> {
  const { entries } = await port.list(outputs);
  refuseUnnameable(taskId, entries);
  return summaryOf(entries);
}

/** An artifact that says what was made. */
export const withSummary = (artifact: Artifact, outputs: OutputSummary | null): Artifact =>
  artifact.kind === 'none' || outputs === null ? artifact : { ...artifact, outputs };

/** What an artifact says of its outputs; undefined when nobody has compared it with a disk. */
export const madeOf = (artifact: Artifact): OutputSummary | undefined =>
  artifact.kind === 'none' ? undefined : artifact.outputs;

const said = ({ entries, bytes }: OutputSummary): string => `${entries} entries with ${bytes} bytes`;

/**
 * Holds what has arrived against what was made. Without something to compare it is taken as it is.
 * @throws DteError DTE_OUTPUTS_DIFFER
 */
export function expectSame(
  taskId: string,
  made: OutputSummary | undefined,
  here: OutputSummary | undefined,
): void {
  if (made === undefined || here === undefined || made.digest === here.digest) return;
  throw new DteError(
    'DTE_OUTPUTS_DIFFER',
    `The outputs of ${taskId} differ from those on the machine that created them: ${said(made)} there, ${said(here)} here.`,
  );
}
