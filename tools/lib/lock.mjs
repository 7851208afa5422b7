import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../tmp/locks', import.meta.url));
const POLL_MS = 200;
/** Longer than any install, build or pack: after that, the holder is considered hung, and an error is thrown. */
const WAIT_LIMIT_MS = 600_000;

/**
 * Runs `action` while no other process of this clone runs one with the same name: several terminals (a demo, a test
 * run) may build or pack at the same time. A lock whose owner has exited is taken over.
 */
export async function withLock(name, action) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.lock`);
  const giveUpAt = Date.now() + WAIT_LIMIT_MS;
  while (!acquire(file)) {
    if (Date.now() > giveUpAt)
      throw new Error(
        `${file} has been held for too long. Remove it if no other command of this clone is running.`,
      );
    await sleep(POLL_MS);
  }
  try {
    return await action();
  } finally {
    rmSync(file, { force: true });
  }
}

function acquire(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (!isAlive(ownerOf(file))) rmSync(file, { force: true });
  return false;
}

function ownerOf(file) {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return NaN; // released in the meantime
  }
}

function isAlive(pid) {
  if (Number.isNaN(pid)) return true;
  if (pid === 0) return true; // created, the number not written yet
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
