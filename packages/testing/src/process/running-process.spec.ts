import { tmpdir } from 'node:os';
import { isRunning } from './process-table';
import { RunningProcess } from './running-process';
import { waitFor } from './wait-for';

const start = (script: string): RunningProcess =>
  new RunningProcess({
    name: 'probe',
    command: process.execPath,
    args: ['-e', script],
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] },
  });

describe('RunningProcess', () => {
  it('returns exit code and both streams when the process has ended', async () => {
    const exit = await start(`console.log('out'); console.error('err'); process.exitCode = 3`).end();
    expect(exit).toMatchObject({ code: 3, signal: null, stdout: 'out\n', stderr: 'err\n' });
    expect(exit.output).toHaveLength(8);
  });

  it('fails with the last output if a process ends without the expected line', async () => {
    const probe = start(`console.log('something else')`);
    await expect(probe.waitForOutput('the line')).rejects.toThrow('something else');
  });

  it('fails with the last state if the deadline passes', async () => {
    const waiting = waitFor('a miracle', () => false, {
      deadlineMs: 60,
      lastState: () => 'no miracle in sight',
    });
    await expect(waiting).rejects.toThrow('no miracle in sight');
  });

  it('reports a command that does not exist', async () => {
    const probe = new RunningProcess({
      name: 'none',
      command: '/does/not/exist',
      args: [],
      cwd: tmpdir(),
      env: {},
    });
    await expect(probe.end()).rejects.toThrow('ENOENT');
  });

  it('signals children and grandchildren', async () => {
    const probe = start(
      `const c = require('node:child_process').spawn('sleep', ['600']); console.log('child ' + c.pid); setInterval(() => {}, 1e6)`,
    );
    await probe.waitForOutput(/child \d+/);
    const child = Number(/child (\d+)/.exec(probe.output())![1]);
    expect(isRunning(child)).toBe(true);
    probe.signalTree('SIGKILL');
    expect(await probe.end()).toMatchObject({ code: null, signal: 'SIGKILL' });
    await waitFor('the end of the child', () => !isRunning(child));
  });
});
