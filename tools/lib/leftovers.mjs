import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A child that was told to exit may need a moment. */
const GONE_WITHIN_MS = 3_000;

/**
 * Processes that work below `folder` or were started with it as their TMPDIR. Requires /proc: elsewhere the result is
 * empty, and CI, which runs on Linux, enforces the rule.
 */
export function processesMarkedBy(folder) {
  return readPids().filter((pid) => pid !== process.pid && isMarked(pid, folder));
}

function readPids() {
  try {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number);
  } catch {
    return [];
  }
}

function isMarked(pid, folder) {
  try {
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return false;
    if (`${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`)) return true;
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`TMPDIR=${folder}`);
  } catch {
    return false; // gone, or another user's
  }
}

/** Kills what is left of `pids` after a grace period. Returns one line for each. */
export async function endAndDescribe(pids) {
  const deadline = Date.now() + GONE_WITHIN_MS;
  let left = pids.filter(isAlive);
  while (left.length > 0 && Date.now() < deadline) {
    await sleep(100);
    left = left.filter(isAlive);
  }
  return left.map((pid) => {
    const command = commandOf(pid);
    end(pid);
    return `left running: ${pid} ${command}`;
  });
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function end(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // exited by itself in the meantime
  }
}

function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 300);
  } catch {
    return '';
  }
}
