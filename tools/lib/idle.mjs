import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf } from './cpu.mjs';

const WINDOW_MS = 500;
/** A heartbeat and a timer here and there may cost this share of one core; starting up costs much more. */
const AT_REST = 0.05;
const LIMIT_MS = 60_000;

/** Waits until the processes that `pids()` lists have nothing to do. Where there is no /proc, does not wait. */
export async function idle(pids) {
  const giveUpAt = Date.now() + LIMIT_MS;
  const total = () => pids().reduce((sum, pid) => sum + cpuOf(pid).own, 0);
  for (let before = total(); ;) {
    await sleep(WINDOW_MS);
    const after = total();
    if (after - before <= WINDOW_MS * AT_REST) return;
    if (Date.now() > giveUpAt) throw new Error('The agents did not come to rest before the measurement.');
    before = after;
  }
}
