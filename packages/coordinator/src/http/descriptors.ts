import { readFileSync } from 'node:fs';

/** Share of the file descriptors for connections. Journals, uploads and downloads need the others. A part of the limit `connectionsPerCoordinator`. */
const SHARE_OF_CONNECTIONS = 0.75;

const LIMITS_FILE = '/proc/self/limits';

/**
 * How many connections may be open at the same time, given the file descriptors of this process (`ulimit -n`). Further
 * clients are rejected and retry. Null if unknown: outside Linux, or without a limit.
 */
export function roomForConnections(
  read: () => string = () => readFileSync(LIMITS_FILE, 'utf8'),
): number | null {
  try {
    const soft = /^Max open files\s+(\d+)\s/m.exec(read())?.[1];
    return soft === undefined ? null : Math.floor(Number(soft) * SHARE_OF_CONNECTIONS);
  } catch {
    return null;
  }
}
