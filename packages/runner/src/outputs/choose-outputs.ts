import { DteError } from '@org/dte-protocol';
import type { AbsentTask, OutputIndex } from './output-index';

/** One task of one command. */
export interface WantedOutput {
  readonly index: OutputIndex;
  readonly task: AbsentTask;
}

/** Outputs by task, from the newest command that left some. */
export function newestOutputs(indexes: readonly OutputIndex[]): Map<string, WantedOutput> {
  const found = new Map<string, WantedOutput>();
  for (const index of indexes)
    for (const task of index.tasks) if (!found.has(task.id)) found.set(task.id, { index, task });
  return found;
}

/** @throws DteError DTE_OUTPUTS_UNKNOWN naming what is missing and what is available */
export function chooseOutputs(
  indexes: readonly OutputIndex[],
  taskIds: readonly string[],
  all: boolean,
): WantedOutput[] {
  const known = newestOutputs(indexes);
  if (all) return [...known.values()];
  return taskIds.map((id) => {
    const wanted = known.get(id);
    if (wanted !== undefined) return wanted;
    const there = known.size === 0 ? 'nothing' : [...known.keys()].slice(0, 10).join(', ');
    throw new DteError(
      'DTE_OUTPUTS_UNKNOWN',
      `There are no outputs of ${id} to download. Tasks of this job with outputs to download: ${there}.`,
    );
  });
}
