import type { RunSpec } from '@org/dte-protocol';
import { at, known, taskOf } from './lookup';
import type { BatchRecord, RunState } from './state';

/** The batch of each task of a spec (null: none), and the batches in the order in which they are first named. */
export function batchesOf(spec: RunSpec): { batchOf: (number | null)[]; batches: BatchRecord[] } {
  const places = new Map<string, number>();
  const members: number[][] = [];
  const batchOf = spec.tasks.map(({ batch, initial }, index) => {
    if (batch === undefined || initial.state !== 'pending') return null;
    const place = places.get(batch) ?? members.push([]) - 1;
    places.set(batch, place);
    at(members, place).push(index);
    return place;
  });
  return { batchOf, batches: members.map((list) => ({ waiting: list.length, unit: [], members: list })) };
}

/** Does one process run both tasks? Then neither waits for the other. */
export const areTogether = (run: RunState, a: number, b: number): boolean => {
  const { batch } = taskOf(run, a);
  return batch !== null && batch === taskOf(run, b).batch;
};

/** The tasks that an agent gets together with this one. */
export function unitOf(run: RunState, index: number): readonly number[] {
  const { batch } = taskOf(run, index);
  return batch === null ? [index] : at(run.batches, batch).unit;
}

/** A task of a batch no longer waits, because it is ready or has ended. */
export function noteGathered(run: RunState, batch: number): void {
  const record = at(run.batches, batch);
  record.waiting--;
  if (record.waiting === 0) run.gatheredBatches.push(batch);
}

/**
 * Forms units from the remaining tasks of batches that no longer wait for anything. Call it after all consequences of
 * ended tasks are applied: one of them may remove a task from a batch.
 * @returns the first task of each unit
 */
export function takeUnits(run: RunState): number[] {
  return run.gatheredBatches.splice(0).flatMap((batch) => {
    const { members } = at(run.batches, batch);
    return formUnit(
      run,
      members.filter((index) => taskOf(run, index).state.name === 'gathered'),
    );
  });
}

/** These tasks of one batch become ready together. */
export function formUnit(run: RunState, indices: readonly number[]): number[] {
  const priorityOf = (index: number): number => at(run.graph.priority, index);
  const [...unit] = indices;
  unit.sort((a, b) => priorityOf(a) - priorityOf(b));
  const first = unit[0];
  if (first === undefined) return [];
  for (const index of unit) taskOf(run, index).state = { name: 'ready' };
  at(run.batches, known(taskOf(run, first).batch ?? undefined)).unit = unit;
  return [first];
}
