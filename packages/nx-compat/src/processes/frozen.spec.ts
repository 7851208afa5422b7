import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { watchFrozen } from './frozen';

const LIMIT_MS = 300;
let child: ChildProcess;
let end: () => void = () => undefined;

async function start(script: string): Promise<number> {
  child = spawn(process.execPath, ['-e', `console.log('up'); ${script}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout!, 'data');
  return child.pid!;
}
afterEach(async () => {
  end();
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
});

it('detects a process that is suspended, but not one that was suspended for a moment', async () => {
  const pid = await start('setInterval(() => undefined, 1000)');
  let frozen = 0;
  let looked: () => void = () => undefined;
  const noticed = new Promise<void>((resolve) => (looked = resolve));
  end = watchFrozen(pid, LIMIT_MS, () => {
    frozen++;
    looked();
  });
  process.kill(pid, 'SIGSTOP');
  process.kill(pid, 'SIGCONT');
  expect(frozen).toBe(0);
  process.kill(pid, 'SIGSTOP');
  await noticed;
  expect(frozen).toBe(1);
});

it('does not report a process that blocks its event loop, or an idle process', async () => {
  const busy = await start('for (;;);');
  // With its own process group, so that it can be killed together with what it waits for.
  const script = `require('child_process').execSync('sleep 600')`;
  const blocked = spawn(process.execPath, ['-e', script], { detached: true });
  const noticed: string[] = [];
  const endBusy = watchFrozen(busy, LIMIT_MS, () => noticed.push('busy'));
  const endBlocked = watchFrozen(blocked.pid!, LIMIT_MS, () => noticed.push('blocked'));
  // Another process is suspended later and detected: by then, these two were checked often enough.
  const third = spawn('sleep', ['600']);
  process.kill(third.pid!, 'SIGSTOP');
  await new Promise<void>((resolve) => (end = watchFrozen(third.pid!, LIMIT_MS, resolve)));
  endBusy();
  endBlocked();
  third.kill('SIGKILL');
  process.kill(-blocked.pid!, 'SIGKILL');
  expect(noticed).toEqual([]);
});
