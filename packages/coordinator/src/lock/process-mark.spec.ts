import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { waitFor } from '@org/dte-testing';
import { ownMark, stateOf } from './process-mark';

const linux = process.platform === 'linux' ? it : it.skip;

describe('stateOf', () => {
  it('reports this process as alive, and an ended one as gone', () => {
    expect(stateOf(ownMark())).toBe(process.platform === 'linux' ? 'alive' : 'unknown');
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    expect(stateOf({ ...ownMark(), pid })).toBe('gone');
  });

  linux('says that a process is gone whose number another one has now', () => {
    expect(stateOf({ ...ownMark(), startedAt: '1' })).toBe('gone');
  });

  linux('takes a process that nobody has asked for its exit code for gone', async () => {
    // The shell becomes `sleep`, which never reaps the children that it inherits; a shell would.
    const child = 'while [ "$(cat /proc/$PPID/comm)" != sleep ]; do :; done';
    const parent = spawn('sh', ['-c', `sh -c '${child}' & echo $!; exec sleep 60`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [said] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(said.toString());
      const fields = (): string[] => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
      await waitFor('its end', () => fields()[0] === 'Z');
      expect(stateOf({ ...ownMark(), pid, startedAt: fields()[19]! })).toBe('gone');
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it.each([
    ['another container', { machine: 'boot pid:[2]' }],
    ['another host', { host: 'elsewhere' }],
    ['a machine that tells nothing', { machine: null }],
  ])('does not know of a process of %s', (_, other) => {
    expect(stateOf({ ...ownMark(), ...other })).toBe('unknown');
  });

  it('knows nothing if the machine provides nothing', () => {
    const own = { ...ownMark(), machine: null };
    expect(stateOf(own, own)).toBe('unknown');
  });
});
