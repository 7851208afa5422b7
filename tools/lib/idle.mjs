import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf } from './cpu.mjs';

const WINDOW_MS = 500;
/** A heartbeat and a timer here and there may cost this share of one core; starting up costs much more. */
const AT_REST = 0.05;
/** A profiler samples each process all the time. */
const AT_REST_PROFILED = 0.6;
const LIMIT_MS = 60_000;

/**
 * Waits until the processes that `pids()` lists have nothing to do. Where there is no /proc, does not wait.
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
    if (Date.now() > giveUpAt) throw new Error('The agents did not come to rest before the measurement.');
    before = after;
  }
}

/** A process that has come or gone was part of starting something up, whatever the sum says: its share goes with it. */
function isAtRest(before, after, share) {
  if (before.size !== after.size || [...before.keys()].some((pid) => !after.has(pid))) return false;
  const used = [...after].reduce((sum, [pid, ms]) => sum + ms - before.get(pid), 0);
  return used <= WINDOW_MS * share;
}
