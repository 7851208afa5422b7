import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf } from './cpu.mjs';

const WINDOW_MS = 500;
/** Heartbeats and timers may use this share of one core; starting up uses much more. */
const AT_REST = 0.05;
/** Heartbeats of many agents add up: this much more for each process. */
const EACH_AT_REST = 0.002;
/** A profiler samples each process all the time. */
const AT_REST_PROFILED = 0.6;
/** Thirty agents that start at once on two cores are at rest after two minutes. */
const LIMIT_MS = 300_000;

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
    const share = Math.max(AT_REST, after.size * EACH_AT_REST);
    if (isAtRest(before, after, profiled ? AT_REST_PROFILED : share)) return;
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
