import { type Machine, NX_VERSIONS, type ProcessExit, type Fleet } from '@org/dte-testing';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withoutTimes } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

/** Loaded into every node process: records each connection that is not a local socket, before it is made. */
const RECORDER = `
const { appendFileSync } = require('node:fs');
const { Socket } = require('node:net');
const connect = Socket.prototype.connect;
Socket.prototype.connect = function (...args) {
  const [first] = Array.isArray(args[0]) ? args[0] : args;
  const local = typeof first === 'string' || (first && first.path);
  if (!local) appendFileSync(process.env.CONNECTIONS, JSON.stringify(first) + '\\n');
  return connect.apply(this, args);
};
`;

/** If a workspace has a custom runner, Nx 20.8 prints twice that custom runners will change; this cannot be turned off. */
const NOTICE = /\n\s+NX\s+Custom task runners will be replaced[^\n]*\s+[^\n]*custom-tasks-runner\n\n/g;
const withoutNotice = (output: string): string => withoutTimes(output).replaceAll(NOTICE, '');

const COMMAND = ['run-many', '-t', 'lint,test,build', '--parallel=1', '--output-style=static'];

async function runOn(machine: Machine): Promise<{ exit: ProcessExit; connections: string; files: string[] }> {
  const [recorder, connections] = [join(machine.folder, 'recorder.cjs'), join(machine.folder, 'connections')];
  writeFileSync(recorder, RECORDER);
  writeFileSync(connections, '');
  const exit = await machine.nx(COMMAND, {
    env: { NODE_OPTIONS: `--require=${recorder}`, CONNECTIONS: connections },
  });
  const files = [
    ...machine.filesBelow('.').filter((path) => !/^(node_modules|\.git)\//.test(path)),
    ...machine.filesBelow('../home').map((path) => `~/${path}`),
  ];
  // Names that depend on chance or time.
  const stable = files.map((path) => path.replaceAll(/[0-9a-f]{8,}|\d{4,}/g, '<id>')).sort();
  return { exit, connections: readFileSync(connections, 'utf8'), files: stable };
}

describe.each(NX_VERSIONS)('nx %s on a laptop', (nx) => {
  let withPlugin: Fleet;
  let without: Fleet;

  beforeAll(() => {
    withPlugin = sampleFleet({ nx });
    without = sampleFleet({ nx, plugin: false });
  });

  afterAll(async () => {
    expect(await withPlugin.close()).toEqual([]);
    expect(await without.close()).toEqual([]);
  });

  it('prints and writes exactly the same as Nx alone, and opens no connection', async () => {
    const ours = await runOn(withPlugin.machine('laptop', { ci: false }));
    const theirs = await runOn(without.machine('laptop', { ci: false }));

    expect(ours.exit.code).toBe(0);
    expect(theirs.exit.code).toBe(0);
    expect(withoutNotice(ours.exit.stdout)).toBe(withoutTimes(theirs.exit.stdout));
    expect(withoutTimes(ours.exit.stderr)).toBe(withoutTimes(theirs.exit.stderr));
    expect(ours.files).toEqual(theirs.files);
    expect(ours.connections).toBe('');
  });
});
