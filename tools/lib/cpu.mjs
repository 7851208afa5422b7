import { readFileSync } from 'node:fs';

/** One tick of the clock that /proc uses: 100 per second on every Linux that Node runs on. */
const TICK_MS = 10;

/** Processor time of a process and of its ended children, in milliseconds; zeros if it has exited. */
export function cpuOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [own, children] = [
      Number(fields[11]) + Number(fields[12]),
      Number(fields[13]) + Number(fields[14]),
    ];
    return { own: own * TICK_MS, children: children * TICK_MS };
  } catch {
    return { own: 0, children: 0 };
  }
}

const ROLES = [
  ['main', /node_modules\/\.bin\/nx /],
  ['supervisors', / start-agent/],
  ['coordinator', / coordinator( |$)/],
  ['executors', /dte-agent\/dist\/executor\//],
  ['plugin workers', /plugin-worker/],
];
export const roleOf = (command) => ROLES.find(([, pattern]) => pattern.test(command))?.[0] ?? 'other';

const SAMPLE_MS = 40;

/**
 * Samples the processor time of each kind of process. Time between the last sample and the end of a process is missed,
 * which is little for long-running processes.
 * @param {() => { pid: number, command: string }[]} processes
 */
export function watchCpu(processes) {
  const first = new Map();
  const last = new Map();
  const sample = (begin) => {
    for (const { pid, command } of processes()) {
      const cpu = cpuOf(pid);
      if (!first.has(pid)) first.set(pid, begin ? cpu : { own: 0, children: 0 });
      last.set(pid, { ...cpu, role: roleOf(command) });
    }
  };
  sample(true);
  const timer = setInterval(() => sample(false), SAMPLE_MS);
  return {
    /** Role -> milliseconds; `tasks` is the time of the ended children of executors and main job. */
    stop() {
      sample(false);
      clearInterval(timer);
      const used = {};
      const add = (role, ms) => (used[role] = (used[role] ?? 0) + ms);
      for (const [pid, { own, children, role }] of last) {
        const before = first.get(pid);
        add(role, own - before.own);
        if (role === 'executors' || role === 'main') add('tasks', children - before.children);
      }
      delete used.other;
      return used;
    },
  };
}

export const describeCpu = (used) =>
  Object.entries(used)
    .map(([role, ms]) => `${role} ${ms}`)
    .join(', ');

/** Ticks of all processors: [busy, all]; zeros where the system does not tell. */
function ticks() {
  try {
    const fields = readFileSync('/proc/stat', 'utf8')
      .split('\n')[0]
      .trim()
      .split(/\s+/)
      .slice(1, 9)
      .map(Number);
    const all = fields.reduce((sum, field) => sum + field, 0);
    // The fourth and fifth are idle and waiting for disks.
    return [all - fields[3] - fields[4], all];
  } catch {
    return [0, 0];
  }
}

/** The share of the machine's processor time that is used until `stop`, by anybody. */
export function watchLoad() {
  const [busy, all] = ticks();
  return {
    stop() {
      const [busyNow, allNow] = ticks();
      return allNow > all ? (busyNow - busy) / (allNow - all) : 0;
    },
  };
}
