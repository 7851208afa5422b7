import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { waitFor } from '@org/dte-testing';
import { isAlive } from './process-table';

const linux = process.platform === 'linux' ? it : it.skip;

describe('isAlive', () => {
  it('is true of this process and its parent, and false of one that has ended', () => {
    expect([isAlive(process.pid), isAlive(process.ppid)]).toEqual([true, true]);
    expect(isAlive(spawnSync(process.execPath, ['-e', '']).pid)).toBe(false);
  });

  // For `process.kill`, 0 is the group of this process, and -1 is all processes.
  it.each([0, -1, NaN, 999_999_999, 2 ** 40])('is false of %d, which no process has', (pid) => {
    expect(isAlive(pid)).toBe(false);
  });

  it('is true of a process that accepts no signals from here', () => {
    const kill = jest.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    expect(isAlive(process.ppid)).toBe(true);
    kill.mockRestore();
  });

  linux('is false of a process that has exited but whose exit code was not read yet', async () => {
    // The shell becomes `sleep`, which never reads the exit codes of the children that it inherits; a shell would.
    const child = 'while [ "$(cat /proc/$PPID/comm)" != sleep ]; do :; done';
    const parent = spawn('sh', ['-c', `sh -c '${child}' & echo $!; exec sleep 60`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [said] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(said.toString());
      await waitFor(
        'its end',
        () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.startsWith('Z') === true,
      );
      expect(isAlive(pid)).toBe(false);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
