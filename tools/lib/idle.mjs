import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf } from './cpu.mjs';

const WINDOW_MS = 500;
/** Heartbeats and timers may use this share of one core; starting up uses much more. */
const AT_REST = 0.05;
/** A profiler samples each process all the time. */
const AT_REST_PROFILED = 0.6;
const LIMIT_MS = 60_000;

/**
 * Waits until the processes that `pids()` lists are idle. Without /proc, does not wait.
 * @param {() => number[]} pids
 * @param {{ profiled?: boolean }} [options] `profiled`: a profiler runs in each of them
 */
export async function idle(pids, { profiled = false } = {}) {
  const giveUpAt = Date.now() + LIMIT_MS;
  const look = () => new Map(pids().map((pid) => [pid, cpuOf(pid).own]));
  for (let before = look(); ;) {
    await sleep(WINDOW_MS);
    const after = look();
    if (isAtRest(before, after, profiled ? AT_REST_PROFILED : AT_REST)) return;
    if (Date.now() > giveUpAt) throw new Error('The agents did not become idle before the measurement.');
    before = after;
  }
}

/** A process that has started or exited was part of a startup, whatever the sum is: its share is lost with it. */
function isAtRest(before, after, share) {
  if (before.size !== after.size || [...before.keys()].some((pid) => !after.has(pid))) return false;
  const used = [...after].reduce((sum, [pid, ms]) => sum + ms - before.get(pid), 0);
  return used <= WINDOW_MS * share;
}
