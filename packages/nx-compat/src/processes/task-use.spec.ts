import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { meterTask, type TaskUse } from './task-use';

const linux = process.platform === 'linux' ? it : it.skip;
const MB = 1024 * 1024;

/** Processor time does not depend on how busy the machine is; elapsed time does. */
const burn = (ms: number): string =>
  `const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
   while (used() < ${ms});`;

async function used(work: () => Promise<unknown>): Promise<TaskUse> {
  const meter = meterTask();
  await work();
  const use = meter.end();
  if (use === null) throw new Error('nothing was measured');
  return use;
}

const node = (script: string) => promisify(execFile)(process.execPath, ['-e', script]);

describe('the meter of a task', () => {
  linux('counts the processor time of a child that began and ended between two looks, once', async () => {
    const before = process.cpuUsage();
    let child = NaN;
    const { cpuMs } = await used(async () => {
      const { stdout } = await node(`${burn(1000)} console.log(used())`);
      child = Number(stdout);
    });
    const { user, system } = process.cpuUsage(before);
    expect(cpuMs).toBeGreaterThanOrEqual(990);
    // It takes some more to end.
    expect(cpuMs).toBeLessThan(1.5 * (child + (user + system) / 1000) + 100);
  });

  linux('counts that of grandchildren, and of this process', async () => {
    const grandchild = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(burn(1000))}])`;
    const { cpuMs } = await used(async () => {
      await node(grandchild);
      const before = process.cpuUsage();
      while (process.cpuUsage(before).user < 200_000);
    });
    expect(cpuMs).toBeGreaterThanOrEqual(1_190);
  });

  linux('counts a child that still runs, and none of what this process did before', async () => {
    const child = spawn(process.execPath, [
      '-e',
      `${burn(300)} console.log('done'); setInterval(() => {}, 1000)`,
    ]);
    try {
      const use = await used(() => once(child.stdout, 'data'));
      expect(use.cpuMs).toBeGreaterThanOrEqual(290);
      const { cpuMs } = await used(() => Promise.resolve());
      expect(cpuMs).toBeLessThan(290);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  linux(
    'counts what an older process starts for the task, although it is not searched while it is idle',
    async () => {
      const script = `
      const { spawn } = require('node:child_process');
      process.stdin.once('data', () => {
        const child = spawn(process.execPath, ['-e', ${JSON.stringify(burn(1000) + " console.log('burnt'); setInterval(() => {}, 1000)")}]);
        child.stdout.once('data', () => console.log('burnt'));
        process.once('SIGTERM', () => { child.kill('SIGKILL'); process.exit(); });
      });
      console.log('there');`;
      const worker = spawn(process.execPath, ['-e', script]);
      try {
        await once(worker.stdout, 'data');
        // Tasks that the worker had nothing to do with.
        for (let count = 0; count < 3; count++) await used(() => Promise.resolve());
        const { cpuMs } = await used(async () => {
          worker.stdin.write('begin');
          await once(worker.stdout, 'data');
        });
        // What it started still runs: nobody has inherited its time.
        expect(cpuMs).toBeGreaterThanOrEqual(990);
      } finally {
        worker.kill('SIGTERM');
        await once(worker, 'exit');
      }
    },
  );

  linux(
    'counts what another thread of this process has started, in a task that is not a very short one',
    async () => {
      const endless = `${burn(1000)} console.log('burnt'); setInterval(() => {}, 1000)`;
      const worker = new Worker(
        `const { spawn } = require('node:child_process');
       const { parentPort } = require('node:worker_threads');
       const child = spawn(process.execPath, ['-e', ${JSON.stringify(endless)}]);
       child.stdout.once('data', () => parentPort.postMessage(child.pid));`,
        { eval: true },
      );
      let pid: unknown;
      try {
        const { cpuMs } = await used(async () => {
          [pid] = (await once(worker, 'message')) as unknown[];
        });
        expect(cpuMs).toBeGreaterThanOrEqual(990);
        // It is older than this task, although no short look would find it.
        const { cpuMs: next } = await used(() => Promise.resolve());
        expect(next).toBeLessThan(500);
      } finally {
        if (typeof pid === 'number') process.kill(pid, 'SIGKILL');
        await worker.terminate();
      }
    },
  );

  linux('sees the memory of children that are there together, and not that of this process', async () => {
    const script = `globalThis.kept = Buffer.alloc(${100 * MB}, 1); console.log('there'); setInterval(() => {}, 1000)`;
    const children = [1, 2].map(() => spawn(process.execPath, ['-e', script]));
    try {
      const meter = meterTask();
      await Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
      const peak = meter.end()?.peakBytes ?? 0;
      expect(peak).toBeGreaterThanOrEqual(200 * MB);
      expect(peak).toBeLessThan(500 * MB);
    } finally {
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(children.map((child) => once(child, 'exit')));
    }
  });

  linux('sees what this process grew by, although nothing else could run meanwhile', async () => {
    const { peakBytes } = await used(async () => {
      const most = process.resourceUsage().maxRSS * 1024;
      const bytes = Math.max(100 * MB, most - process.memoryUsage.rss() + 100 * MB);
      Buffer.alloc(bytes, 1);
    });
    // Memory that was free before is used first.
    expect(peakBytes).toBeGreaterThanOrEqual(80 * MB);
  });

  linux('costs little: a look at a few processes takes less than a millisecond of processor time', () => {
    const begin = process.cpuUsage();
    const looks = 100;
    for (let count = 0; count < looks; count++) meterTask().end();
    const { user, system } = process.cpuUsage(begin);
    // Two looks each, and ten times what they take here.
    expect((user + system) / 1000 / looks / 2).toBeLessThan(10);
  });
});
