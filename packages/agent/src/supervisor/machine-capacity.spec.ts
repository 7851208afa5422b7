import { machineCapacity } from './machine-capacity';

const GB = 1024 ** 3;
const MACHINE = { cpus: 16, memoryBytes: 64 * GB };
const capacityIn = (files: Readonly<Record<string, string>>) =>
  machineCapacity((path) => files[path], MACHINE);

describe('what an agent may use of its machine', () => {
  it('is all of it without limits', () => {
    expect(capacityIn({})).toEqual(MACHINE);
    const none = { '/sys/fs/cgroup/cpu.max': 'max 100000\n', '/sys/fs/cgroup/memory.max': 'max\n' };
    expect(capacityIn({ '/proc/self/cgroup': '0::/\n', ...none })).toEqual(MACHINE);
  });

  it('is what its container may use (cgroup v2)', () => {
    expect(
      capacityIn({
        '/proc/self/cgroup': '0::/\n',
        '/sys/fs/cgroup/cpu.max': '150000 100000\n',
        '/sys/fs/cgroup/memory.max': `${4 * GB}\n`,
      }),
    ).toEqual({ cpus: 1.5, memoryBytes: 4 * GB });
  });

  it('is the strictest limit of its group and those around it', () => {
    expect(
      capacityIn({
        '/proc/self/cgroup': '0::/runner.slice/job.scope\n',
        '/sys/fs/cgroup/runner.slice/job.scope/cpu.max': '400000 100000\n',
        '/sys/fs/cgroup/runner.slice/cpu.max': '200000 100000\n',
        '/sys/fs/cgroup/runner.slice/job.scope/memory.max': `${3 * GB}\n`,
        '/sys/fs/cgroup/runner.slice/memory.max': 'max\n',
      }),
    ).toEqual({ cpus: 2, memoryBytes: 3 * GB });
  });

  it('is what its container may use (cgroup v1), whose path is that of the machine', () => {
    expect(
      capacityIn({
        '/proc/self/cgroup': '9:memory:/docker/0123\n4:cpu,cpuacct:/docker/0123\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '300000\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${2 * GB}\n`,
      }),
    ).toEqual({ cpus: 3, memoryBytes: 2 * GB });
  });

  it('is the machine where v1 has no limit, which it writes as -1 or as a number larger than any memory', () => {
    expect(
      capacityIn({
        '/proc/self/cgroup': '9:memory:/\n4:cpu,cpuacct:/\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
        '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      }),
    ).toEqual(MACHINE);
  });

  it('is something on this machine', () => {
    const { cpus, memoryBytes } = machineCapacity();
    expect(cpus).toBeGreaterThan(0);
    expect(memoryBytes).toBeGreaterThan(0);
    expect(Number.isFinite(cpus) && Number.isFinite(memoryBytes)).toBe(true);
  });
});
