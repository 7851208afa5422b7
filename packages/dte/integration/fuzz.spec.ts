import { join } from 'node:path';
import { RunningProcess } from '@org/dte-testing';

const ROOT = join(__dirname, '..', '..', '..');

// Every target starts a process of its own, some a coordinator; the machine may be busy with other tests.
jest.setTimeout(300_000);

it('a short round of the fuzzer finds nothing, and says so in a line for machines', async () => {
  const fuzz = new RunningProcess({
    name: 'fuzz',
    command: process.execPath,
    args: [join(ROOT, 'tools', 'fuzz.mjs'), '--cases=2500', '--seed=20261130'],
    cwd: ROOT,
    env: process.env,
  });
  const { code, stdout, output } = await fuzz.end(280_000);
  expect(code === 0 ? '' : output).toBe('');
  expect(stdout.trim().split('\n').at(-1)).toBe('fuzz: {"cases":2500,"crashes":0,"hangs":0}');
});

it('an order that it does not know is an error, and no round without findings', async () => {
  const args = [join(ROOT, 'tools', 'fuzz.mjs'), '--target=nothing'];
  const fuzz = new RunningProcess({
    name: 'fuzz',
    command: process.execPath,
    args,
    cwd: ROOT,
    env: process.env,
  });
  const { code, stderr } = await fuzz.end();
  expect([code, stderr]).toEqual([1, expect.stringContaining('Targets: messages')]);
});
