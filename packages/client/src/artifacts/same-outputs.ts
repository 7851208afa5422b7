import { summaryOf, type OutputEntry, type OutputSummary } from '@org/dte-nx-compat';
import { type Artifact, DteError } from '@org/dte-protocol';
import { type OutputsPort } from './ports';

/** @throws DteError DTE_OUTPUT_NAME if a name is not valid text: it could be neither sent nor compared */
export function refuseUnnameable(taskId: string, entries: readonly OutputEntry[]): void {
  const unnameable = entries.find(({ kind }) => kind === 'unnameable');
  if (unnameable === undefined) return;
  throw new DteError(
    'DTE_OUTPUT_NAME',
    `The output ${JSON.stringify(unnameable.path)} of ${taskId} has a name that is not UTF-8, so it cannot be sent to another machine.`,
  );
}

/** The outputs of a task on this disk. @throws DteError DTE_OUTPUT_NAME */
export async function summariseOutputs(
  port: OutputsPort,
  taskId: string,
  outputs: readonly string[],
): Promise<OutputSummary> {
  const { entries } = await port.list(outputs);
  refuseUnnameable(taskId, entries);
  return summaryOf(entries);
}

/** An artifact with a description of its outputs. */
export const withSummary = (artifact: Artifact, outputs: OutputSummary | null): Artifact =>
  artifact.kind === 'none' || outputs === null ? artifact : { ...artifact, outputs };

/** The description of an artifact's outputs; undefined if it was never compared with a disk. */
export const madeOf = (artifact: Artifact): OutputSummary | undefined =>
  artifact.kind === 'none' ? undefined : artifact.outputs;

const said = ({ entries, bytes }: OutputSummary): string => `${entries} entries with ${bytes} bytes`;

/**
 * Compares what has arrived with what was made. Without a description, accepts it.
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
