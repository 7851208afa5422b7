import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

/** Identifies a process, so that a later process with the same number is not confused with it. */
export const processMarkSchema = z.strictObject({
  pid: z.number().int().positive(),
  host: z.string(),
  /** Where process numbers mean the same: this boot of this machine, in this container. Null: unknown. */
  machine: z.string().nullable(),
  /** Start time in the machine's own format. Null: not available. */
  startedAt: z.string().nullable(),
});
export type ProcessMark = z.infer<typeof processMarkSchema>;

/** `unknown`: it is on another machine or in another container, or this machine cannot distinguish its processes. */
export type ProcessState = 'alive' | 'gone' | 'unknown';

/** The field of /proc/<pid>/stat with the state, counted from the one after the command's name. */
const STATE = 0;
/** The field with the time of the start, counted in the same way. */
const START_TIME = 19;

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function machineMark(): string | null {
  // Outside Linux, there are no containers with separate process numbers.
  if (process.platform !== 'linux') return process.platform;
  return attempt(() => {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  });
}

/** The command's name is in parentheses and may contain anything, so fields are counted from the last parenthesis. */
const statOf = (pid: number): string[] | null =>
  attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []);

export const ownMark = (): ProcessMark => ({
  pid: process.pid,
  host: hostname(),
  machine: machineMark(),
  startedAt: statOf(process.pid)?.[START_TIME] ?? null,
});

/** Not `isAlive` of nx-compat: a coordinator depends on nothing that knows Nx. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    // A process of another user exists.
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export function stateOf(mark: ProcessMark, own: ProcessMark = ownMark()): ProcessState {
  if (own.machine === null || mark.machine !== own.machine || mark.host !== own.host) return 'unknown';
  if (!exists(mark.pid)) return 'gone';
  const stat = statOf(mark.pid);
  const startedAt = stat?.[START_TIME] ?? null;
  if (startedAt === null || mark.startedAt === null) return 'unknown';
  // A zombie has exited, but its parent has not read the exit code, as happens in containers.
  const ended = ['Z', 'X'].includes(stat?.[STATE] ?? '');
  return !ended && startedAt === mark.startedAt ? 'alive' : 'gone';
}
