import { type Assignment, type AttemptResult } from '@org/dte-protocol';
import { keyOf } from '../executor/ipc';

/** Where one attempt stands on this agent. */
export type AttemptState =
  /** No executor has it yet. */
  | { readonly name: 'waiting' }
  /** `startMs` is null while dependencies are restored and the hash is checked. */
  | { readonly name: 'running'; readonly executorId: number; readonly startMs: number | null }
  /** Its processes are being ended. `result` is what is reported then; null: nobody wants to hear of it. */
  | { readonly name: 'stopping'; readonly executorId: number; readonly result: AttemptResult | null }
  /** Said again in every sync until the coordinator no longer lists it. */
  | { readonly name: 'completed'; readonly result: AttemptResult };

export interface Attempt {
  readonly assignment: Assignment;
  readonly state: AttemptState;
}

export type Action =
  | { readonly type: 'start'; readonly assignment: Assignment }
  /** We are leaving: hand it back at once. */
  | { readonly type: 'refuse'; readonly assignment: Assignment }
  | { readonly type: 'stop'; readonly key: string }
  | { readonly type: 'forget'; readonly key: string };

/**
 * What to do so that this agent does what is wanted of it, and nothing else. Depends on the two states alone, so any
 * message may be lost or doubled: the next one leads to the same place.
 */
export function reconcile(
  current: ReadonlyMap<string, Attempt>,
  wanted: readonly Assignment[],
  draining: boolean,
): Action[] {
  const actions: Action[] = [];
  const wantedKeys = new Set(wanted.map(keyOf));
  for (const [key, { state }] of current) {
    if (wantedKeys.has(key)) continue;
    if (state.name === 'running') actions.push({ type: 'stop', key });
    else if (state.name !== 'stopping') actions.push({ type: 'forget', key });
  }
  for (const assignment of wanted) {
    if (!current.has(keyOf(assignment))) actions.push({ type: draining ? 'refuse' : 'start', assignment });
  }
  return actions;
}

/**
 * The waiting attempts that may begin now, in the order they were wanted, at most one per idle executor.
 * `parallelism: false` waits until it is alone and lets nothing pass that came later: the coordinator sees to that too,
 * but what it no longer wants may still be ending here.
 */
export function pickStartable(current: ReadonlyMap<string, Attempt>, idleExecutors: number): string[] {
  const busy = [...current.values()].filter(
    ({ state }) => state.name === 'running' || state.name === 'stopping',
  );
  if (busy.some(({ assignment }) => !assignment.parallelism)) return [];
  const picked: string[] = [];
  for (const [key, { assignment, state }] of current) {
    if (state.name !== 'waiting') continue;
    if (picked.length >= idleExecutors) break;
    if (!assignment.parallelism) {
      if (busy.length + picked.length === 0) picked.push(key);
      break;
    }
    picked.push(key);
  }
  return picked;
}
