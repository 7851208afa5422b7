import { type ClosureEntry } from '@org/dte-protocol';
import { type SharedOutputs } from '../shared-outputs';

interface Planned {
  readonly restore: readonly ClosureEntry[];
  readonly awaiting: readonly ClosureEntry[];
}

/**
 * Adds to the restores of an attempt what they would delete: a dependency that an earlier run has left on this disk, in outputs
 * that a restored or awaited one also writes to. The run knows nothing of its files, so it cannot keep them.
 * @param closure dependencies before dependents
 * @returns restores in the order of the closure
 */
export async function withEndangered(
  closure: readonly ClosureEntry[],
  { restore, awaiting }: Planned,
  shared: Pick<SharedOutputs, 'overlapping' | 'isKnown'>,
): Promise<readonly ClosureEntry[]> {
  const written = new Set([...restore, ...awaiting].map(({ taskId }) => taskId));
  const added = new Set<string>();
  // A Set is walked in the order of insertion, additions included: an added restore deletes as well.
  for (const taskId of written) {
    const others = new Set(shared.overlapping(taskId));
    for (const entry of closure) {
      if (!others.has(entry.taskId) || written.has(entry.taskId) || entry.artifact.kind === 'none') continue;
      if (await shared.isKnown(entry.taskId)) continue;
      written.add(entry.taskId);
      added.add(entry.taskId);
    }
  }
  if (added.size === 0) return restore;
  const planned = new Map(restore.map((entry) => [entry.taskId, entry]));
  return closure.flatMap((entry) => planned.get(entry.taskId) ?? (added.has(entry.taskId) ? [entry] : []));
}
