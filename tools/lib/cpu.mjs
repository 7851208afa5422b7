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
const roleOf = (command) => ROLES.find(([, pattern]) => pattern.test(command))?.[0] ?? 'other';

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
