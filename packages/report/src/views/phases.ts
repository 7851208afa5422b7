import type { AttemptModel } from '../model/model';
import { beforeEndMs } from '../model/place-in-time';

/**
 * What an attempt does, in this order.
 * - `queue`: assigned, but no executor has begun it; its way to the agent is in it
 * - `restore`: the outputs that it depends on are put on the agent's disk
 * - `wait`: its hash is checked, servers start, or another task writes the same outputs
 * - `run`: Nx runs it, or finds it in a cache
 * - `store`: its artifact is packed and uploaded
 * - `report`: its result is on its way to the coordinator
 */
export type PhaseName = 'queue' | 'restore' | 'wait' | 'run' | 'store' | 'report';

/** Times: milliseconds since the epoch. */
export interface Phase {
  readonly name: PhaseName;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * When the attempt took its slot, from the assignment to the moment at which the coordinator had its result. A task of a batch
 * shares the slot with others: only its own part counts.
 */
export const spanOf = (attempt: AttemptModel, nowMs: number): { startMs: number; endMs: number } => {
  const { assignedMs, acceptedMs, endMs, measured } = attempt;
  if (measured?.batched === true && attempt.startMs !== null && endMs !== null) {
    return { startMs: endMs - beforeEndMs(measured), endMs: endMs + measured.storeMs };
  }
  const startMs = Math.min(assignedMs, attempt.startMs ?? assignedMs);
  return { startMs, endMs: Math.max(startMs, acceptedMs ?? endMs ?? nowMs) };
};

/**
 * The phases of an attempt, which fill its span without a gap or an overlap; those that took no time are left out. Of an
 * attempt that was not measured, only the time of its task is known: before that, it counts as queued. One that still runs,
 * or was lost, counts as running since it was assigned.
 */
export function phasesOf(attempt: AttemptModel, nowMs: number): Phase[] {
  const span = spanOf(attempt, nowMs);
  const phases: Phase[] = [];
  let fromMs = span.startMs;
  for (const [name, endMs] of endsOf(attempt, span)) {
    // What the agent measured may be a little more than there was room for.
    const toMs = Math.min(Math.max(endMs, fromMs), span.endMs);
    if (toMs > fromMs) phases.push({ name, startMs: fromMs, endMs: toMs });
    fromMs = toMs;
  }
  return phases;
}

function endsOf({ startMs, endMs, measured }: AttemptModel, span: { endMs: number }): [PhaseName, number][] {
  if (startMs === null || endMs === null) return [['run', span.endMs]];
  const { restoreMs = 0, waitMs = 0, runMs = endMs - startMs, storeMs = 0 } = measured ?? {};
  return [
    ['queue', endMs - runMs - waitMs - restoreMs],
    ['restore', endMs - runMs - waitMs],
    ['wait', endMs - runMs],
    ['run', endMs],
    ['store', endMs + storeMs],
    ['report', span.endMs],
  ];
}
