import { type Assignment, type AttemptResult } from '@org/dte-protocol';
import { keyOf } from '../executor/ipc';

/** The state of one attempt on this agent. */
export type AttemptState =
  /** No executor has it yet. */
  | { readonly name: 'waiting' }
  /** `startMs` is null while dependencies are restored and the hash is checked. */
  | { readonly name: 'running'; readonly executorId: number; readonly startMs: number | null }
  /** Its processes are being stopped. `result` is reported afterwards; null: it is not needed. */
  | { readonly name: 'stopping'; readonly executorId: number; readonly result: AttemptResult | null }
  /** Repeated in every sync until the coordinator no longer lists it. */
  | { readonly name: 'completed'; readonly result: AttemptResult };

export interface Attempt {
  readonly assignment: Assignment;
  readonly state: AttemptState;
}

export type Action =
  | { readonly type: 'start'; readonly assignment: Assignment }
  /** The agent is leaving: return it immediately. */
  | { readonly type: 'refuse'; readonly assignment: Assignment }
  | { readonly type: 'stop'; readonly key: string }
  | { readonly type: 'forget'; readonly key: string };

/**
 * The actions that make this agent do exactly what the coordinator wants. Depends only on the two states, so any
 * message may be lost or duplicated: the next one gives the same result.
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
 * The waiting attempts that may start now, in the order of the list, at most one per idle executor. `parallelism:
 * false` waits until it is alone and lets no later one pass. The coordinator enforces that too, but attempts that it no
 * longer wants may still be stopping here. One that has to wait for a slot is not prepared while tasks of another run are busy:
 * what it restores may replace what they read or make, and runs do not know each other's outputs.
 * @param isAhead waits for the slot of another attempt
 */
export function pickStartable(
  current: ReadonlyMap<string, Attempt>,
  idleExecutors: number,
  isAhead: (key: string) => boolean = () => false,
): string[] {
  const busy = [...current.values()].filter(
    ({ state }) => state.name === 'running' || state.name === 'stopping',
  );
  if (busy.some(({ assignment }) => !assignment.parallelism)) return [];
  const runs = new Set(busy.map(({ assignment }) => assignment.runId));
  const picked: string[] = [];
  for (const [key, { assignment, state }] of current) {
    if (state.name !== 'waiting') continue;
    if (picked.length >= idleExecutors) break;
    if (!assignment.parallelism) {
      if (busy.length + picked.length === 0) picked.push(key);
      break;
    }
    if (isAhead(key) && [...runs].some((runId) => runId !== assignment.runId)) continue;
    runs.add(assignment.runId);
    picked.push(key);
  }
  return picked;
}
