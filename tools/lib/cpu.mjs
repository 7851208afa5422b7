import { readFileSync } from 'node:fs';

/** One tick of the clock that /proc counts in: 100 a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** Processor time of a process and of its ended children, in milliseconds; zeros when it is gone. */
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
 * Watches how much processor time each kind of process takes. What a process uses between the last sample and its end
 * is missed, which is little as long as it lives for long.
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
    /** Role -> milliseconds; `tasks` is what the ended children of executors and main job took. */
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
