import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** A process in the operating system's process table. */
export interface ProcessInfo {
  pid: number;
  parentPid: number;
  command: string;
}

/** All running processes (without zombies). Empty without /proc: there, leaks are not detected. */
export function processTable(): ProcessInfo[] {
  let entries: string[];
  try {
    entries = readdirSync('/proc');
  } catch {
    return [];
  }
  return entries.filter((entry) => /^\d+$/.test(entry)).flatMap((entry) => readInfo(Number(entry)));
}

function readInfo(pid: number): ProcessInfo[] {
  try {
    // The name in parentheses may contain anything, also parentheses: the fields start after the last one.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return [];
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return [{ pid, parentPid: Number(parent), command }];
  } catch {
    return []; // it has exited
  }
}

/** The process and its direct and indirect child processes, as far as the chain of parents is unbroken. */
export function processTree(rootPid: number): ProcessInfo[] {
  const table = processTable();
  const tree = table.filter(({ pid }) => pid === rootPid);
  for (const parent of tree) tree.push(...table.filter(({ parentPid }) => parentPid === parent.pid));
  return tree;
}

/**
 * Processes of a folder: they work below it, or were started with a HOME below it. All child processes inherit HOME,
 * even detached ones with a new parent.
 */
export function processesBelow(folder: string): ProcessInfo[] {
  return processTable().filter(({ pid }) => pid !== process.pid && belongsTo(pid, folder));
}

function belongsTo(pid: number, folder: string): boolean {
  try {
    if (`${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`)) return true;
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .some((entry) => entry.startsWith(`HOME=${folder}/`));
  } catch {
    return false;
  }
}

/** True while a process with this id runs. */
export const isRunning = (pid: number): boolean => readInfo(pid).length > 0;

/** Sends a signal; it is fine if the process has exited. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
