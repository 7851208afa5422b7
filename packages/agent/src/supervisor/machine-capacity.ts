import type { Capacity } from '@org/dte-protocol';
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** The file system that tells, replaceable for tests; undefined if a file cannot be read. */
export type ReadText = (path: string) => string | undefined;

const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

const ROOT = '/sys/fs/cgroup';

/** The groups of this process: of version 2, and of each controller of version 1. `0::/path`, `4:cpu,cpuacct:/path`. */
function groupOf(read: ReadText, controller: string): { readonly unified: string; readonly own: string } {
  let [unified, own] = ['/', '/'];
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (line.startsWith('0::')) unified = path;
    else if (controllers.split(',').includes(controller)) own = path;
  }
  return { unified, own };
}

/**
 * A group and those around it: the strictest limit applies. In a container, the path may be that of the machine, which the container
 * does not see; then its own limits are at the top.
 */
function* upwards(top: string, path: string): Generator<string> {
  for (let group = path; group !== '/'; group = dirname(group)) yield join(top, group);
  yield top;
}

const least = (limits: readonly (number | undefined)[]): number =>
  Math.min(
    ...(limits.filter((limit) => limit !== undefined && Number.isFinite(limit) && limit > 0) as number[]),
  );

const numberIn = (text: string | undefined): number | undefined =>
  text === undefined || !/^\d+$/.test(text.trim()) ? undefined : Number(text);

function cpuLimit(read: ReadText): number {
  const { unified, own } = groupOf(read, 'cpu');
  const second = [...upwards(ROOT, unified)].map((group) => {
    const [, quota, period] = /^(\d+) (\d+)/.exec(read(join(group, 'cpu.max')) ?? '') ?? [];
    return quota === undefined ? undefined : Number(quota) / Number(period);
  });
  const first = [...upwards(`${ROOT}/cpu`, own)].map((group) => {
    const quota = numberIn(read(join(group, 'cpu.cfs_quota_us')));
    const period = numberIn(read(join(group, 'cpu.cfs_period_us')));
    return quota === undefined || period === undefined ? undefined : quota / period;
  });
  return least([...second, ...first]);
}

function memoryLimit(read: ReadText): number {
  const { unified, own } = groupOf(read, 'memory');
  const second = [...upwards(ROOT, unified)].map((group) => numberIn(read(join(group, 'memory.max'))));
  const first = [...upwards(`${ROOT}/memory`, own)].map((group) =>
    numberIn(read(join(group, 'memory.limit_in_bytes'))),
  );
  return least([...second, ...first]);
}

/**
 * What this process may use: the limits of its container or service (cgroup of version 2 or 1), else the machine. Cores that it is
 * not allowed to run on do not count.
 */
export function machineCapacity(
  read: ReadText = readText,
  machine: Capacity = { cpus: availableParallelism(), memoryBytes: totalmem() },
): Capacity {
  return {
    cpus: least([cpuLimit(read), machine.cpus]),
    memoryBytes: least([memoryLimit(read), machine.memoryBytes]),
  };
}
