import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf } from './cpu.mjs';

const WINDOW_MS = 500;
/** A heartbeat and a timer here and there may cost this share of one core; starting up costs much more. */
const AT_REST = 0.05;
const LIMIT_MS = 60_000;

/** Waits until the processes that `pids()` lists have nothing to do. Where there is no /proc, does not wait. */
export async function idle(pids) {
  const giveUpAt = Date.now() + LIMIT_MS;
  const look = () => new Map(pids().map((pid) => [pid, cpuOf(pid).own]));
  for (let before = look(); ;) {
    await sleep(WINDOW_MS);
    const after = look();
    if (isAtRest(before, after)) return;
    if (Date.now() > giveUpAt) throw new Error('The agents did not come to rest before the measurement.');
    before = after;
  }
}

/** A process that has come or gone was part of starting something up, whatever the sum says: its share goes with it. */
function isAtRest(before, after) {
  if (before.size !== after.size || [...before.keys()].some((pid) => !after.has(pid))) return false;
  const used = [...after].reduce((sum, [pid, ms]) => sum + ms - before.get(pid), 0);
  return used <= WINDOW_MS * AT_REST;
}
