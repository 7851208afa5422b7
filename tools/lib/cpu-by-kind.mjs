import { readFileSync } from 'node:fs';

const TICK_MS = 10;

/** Own and children's (reaped) user and system time of a process in ms; zeros when it is gone. */
function cpuOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 15);
    return fields.map((ticks) => Number(ticks) * TICK_MS);
  } catch {
    return [0, 0, 0, 0];
  }
}

const kindOf = (pid) => {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    if (command.includes('executor')) return 'executors';
    if (command.includes('start-agent')) return 'supervisors';
    if (command.includes('coordinator')) return 'coordinator';
    return 'other';
  } catch {
    return 'gone';
  }
};

/** Processor time by kind of process: [user, system, children's user, children's system] in ms. The bench's own children are `main`. */
export function cpuByKind(processes) {
  const sums = { main: cpuOf(process.pid) };
  for (const { pid } of processes) {
    const kind = kindOf(pid);
    sums[kind] = cpuOf(pid).map((value, index) => value + (sums[kind]?.[index] ?? 0));
  }
  return sums;
}

export const difference = (after, before) =>
  Object.fromEntries(
    Object.entries(after).map(([kind, values]) => [
      kind,
      values.map((value, index) => value - (before[kind]?.[index] ?? 0)),
    ]),
  );
