import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';

/** Larger bounds were misread. Not configurable: the kernel's own limit of an environment is far below (a quarter of the stack). */
const LARGEST_BYTES = 64 * 1024 * 1024;
/** The field env_start of `/proc/self/stat` (proc(5)), counted from the one after the name of the program. */
const ENV_START = 47;
/** The field env_end, counted in the same way. */
const ENV_END = 48;

function environBounds(): { start: number; length: number } | null {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [start, end] = [Number(fields[ENV_START]), Number(fields[ENV_END])];
  const isSound = Number.isSafeInteger(start) && start > 0 && end > start && end - start < LARGEST_BYTES;
  return isSound ? { start, length: end - start } : null;
}

/**
 * Overwrites variables in the block that this process was started with. While the process exists, `/proc/<pid>/environ`
 * shows that block to every process of the same user, whatever happens to `process.env`: unsetenv only removes the
 * pointer to a variable. Call this after the variables are removed from `process.env`, so that nothing points there.
 * @returns false if there is no such block or it cannot be written: then nothing has changed
 */
export function wipeEnviron(names: readonly string[]): boolean {
  let memory: number | null = null;
  try {
    const bounds = environBounds();
    if (bounds === null) return false;
    memory = openSync('/proc/self/mem', 'r+');
    const block = Buffer.alloc(bounds.length);
    if (readSync(memory, block, 0, block.length, bounds.start) !== block.length) return false;
    let at = 0;
    for (const entry of block.toString('latin1').split('\0')) {
      if (names.some((name) => entry.startsWith(`${name}=`)))
        writeSync(memory, Buffer.alloc(entry.length), 0, entry.length, bounds.start + at);
      at += entry.length + 1;
    }
    return true;
  } catch {
    // Not Linux, or not permitted: docs/explanation/security.md describes the consequences.
    return false;
  } finally {
    if (memory !== null) closeSync(memory);
  }
}
