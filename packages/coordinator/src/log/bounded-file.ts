import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';

/** The size is checked each time after this number of bytes, because a check costs a system call. How exactly `coordinatorLogBytes` is kept. */
const LOOK_EVERY_BYTES = 64 * 1024;
const NEWLINE = '\n'.charCodeAt(0);

/**
 * Writes to a file that is open for reading and appending (`a+`), possibly by others too, and removes its older half
 * when it is too long. In place: other writers that have it open, such as this process's stderr, continue after the
 * remaining text.
 * @returns a `write` that never throws: a full disk must not end a coordinator
 */
export function boundedFile(fd: number, maxBytes: number): (line: string) => void {
  let unseenBytes = LOOK_EVERY_BYTES;
  return (line) => {
    try {
      unseenBytes += writeSync(fd, line);
      if (unseenBytes < Math.min(LOOK_EVERY_BYTES, maxBytes / 2)) return;
      unseenBytes = 0;
      if (fstatSync(fd).size > maxBytes) keepEnd(fd, Math.floor(maxBytes / 2));
    } catch {
      // There is no place to report it.
    }
  };
}

function keepEnd(fd: number, bytes: number): void {
  const { size } = fstatSync(fd);
  const end = Buffer.alloc(Math.min(bytes, size));
  const read = readSync(fd, end, 0, end.length, size - end.length);
  const kept = end.subarray(0, read);
  ftruncateSync(fd, 0);
  // Only complete lines.
  writeSync(fd, kept.subarray(kept.indexOf(NEWLINE) + 1));
}
