import type { Measured } from '@org/dte-protocol';

/**
 * When a task ran, in the reader's time: the agent's own times if its clock agrees, else shifted so that nothing happens before
 * `earliestMs` or after `latestMs`. The duration is the agent's, unless there is less room. All times in ms since the epoch.
 */
export function placeInTime(
  agent: { readonly startMs: number; readonly endMs: number },
  earliestMs: number,
  latestMs: number,
): { startMs: number; endMs: number } {
  const durationMs = Math.max(0, Math.min(agent.endMs - agent.startMs, latestMs - earliestMs));
  const endMs = Math.min(Math.max(agent.endMs, earliestMs + durationMs), latestMs);
  return { startMs: endMs - durationMs, endMs };
}

/** An attempt as its agent tells of it. */
interface Told {
  /** By Nx, which may have begun earlier to prepare it: see `runMs`. */
  readonly startMs: number;
  readonly endMs: number;
  readonly measured?: Measured | undefined;
}

/** From the arrival of the assignment to the end of the task. */
export const beforeEndMs = ({ queuedMs, restoreMs, waitMs = 0, runMs }: Measured): number =>
  queuedMs + restoreMs + waitMs + runMs;

/**
 * When the task of an attempt ran, in the coordinator's time, and how long its result was on its way. Everything that the
 * agent measured, from the arrival of the assignment to the end of storing, is placed between the two moments that the
 * coordinator saw: the clocks of the two may differ, their durations do not.
 */
export function placeAttempt(
  told: Told,
  assignedMs: number,
  acceptedMs: number,
): { startMs: number; endMs: number; reportMs: number } {
  const { measured } = told;
  const afterMs = measured?.storeMs ?? 0;
  const there = {
    startMs: measured === undefined ? told.startMs : told.endMs - beforeEndMs(measured),
    endMs: told.endMs + afterMs,
  };
  const whole = placeInTime(there, assignedMs, Math.max(assignedMs, acceptedMs));
  const endMs = Math.max(whole.startMs, whole.endMs - afterMs);
  const startMs = Math.max(whole.startMs, endMs - Math.max(0, told.endMs - told.startMs));
  return { startMs, endMs, reportMs: Math.max(0, acceptedMs - whole.endMs) };
}
