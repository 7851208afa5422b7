import { promises } from 'node:fs';
import { HTTP, type LimitValues } from '@org/dte-protocol';
import { httpCall, runSpec, taskSpec, waitFor } from '@org/dte-testing';
import { fullDisk } from './support/full-disk';
import { agentSync, completed, Harness, success } from './support/harness';

/** Far longer than any test. */
const HOUR_MS = 3_600_000;

let harness: Harness;
afterEach(() => harness.cleanUp());

const ready = async (): Promise<unknown> => {
  const { status, text } = await httpCall(harness.url, { path: HTTP.ready });
  return [status, JSON.parse(text)];
};
const isHealthy = async () => (await httpCall(harness.url, { path: HTTP.health })).status === 200;

describe('GET /v1/ready', () => {
  it('says no while the disk is full, and yes again afterwards', async () => {
    const disk = fullDisk(promises);
    let nowMs = Date.now();
    harness = await Harness.start({ fs: disk.fs, now: () => nowMs });
    expect(await ready()).toEqual([200, { ready: true }]);
    disk.fill();
    // Whoever asks often gets the same answer.
    expect(await ready()).toEqual([200, { ready: true }]);
    expect(disk.refused()).toBe(0);
    nowMs += 1_000;
    const no = [503, { ready: false, why: 'the disk of the data folder is full' }];
    expect(await Promise.all([ready(), ready(), ready()])).toEqual([no, no, no]);
    expect(disk.refused()).toBe(1);
    expect(await isHealthy()).toBe(true);
    disk.free();
    nowMs += 1_000;
    expect(await ready()).toEqual([200, { ready: true }]);
  });

  it('says no when little space is left', async () => {
    harness = await Harness.start({ limits: { readyFreeBytes: Number.MAX_SAFE_INTEGER } });
    expect(await ready()).toEqual([
      503,
      {
        ready: false,
        why: expect.stringMatching(/^only \d+ bytes are free .*DTE_READY_FREE_BYTES/) as string,
      },
    ]);
  });

  it('says no when the folder cannot be written, without telling where it is', async () => {
    let isReadOnly = false;
    const writeFile: typeof promises.writeFile = (...args) =>
      isReadOnly
        ? Promise.reject(Object.assign(new Error('EROFS: read-only file system, open'), { code: 'EROFS' }))
        : promises.writeFile(...args);
    harness = await Harness.start({ fs: { ...promises, writeFile } });
    isReadOnly = true;
    expect(await ready()).toEqual([503, { ready: false, why: 'the data folder cannot be written (EROFS)' }]);
  });

  it('leaves nothing behind', async () => {
    harness = await Harness.start();
    await ready();
    expect((await promises.readdir(harness.dataDir)).filter((name) => name.startsWith('ready'))).toEqual([]);
  });
});

describe('a coordinator that drains', () => {
  const limits: Partial<LimitValues> = { coordinatorDrainMs: HOUR_MS };
  const noSignal = new AbortController().signal;

  /** A session with a run that an agent works on. */
  async function beginWork() {
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    return { main, agent };
  }

  it('is not ready at once, refuses new sessions for now, and lets the running one finish', async () => {
    harness = await Harness.start({ limits });
    const { main, agent } = await beginWork();
    let isOver = false;
    const drained = harness.coordinator.drain(noSignal).then(() => (isOver = true));
    expect(await ready()).toEqual([503, { ready: false, why: 'the coordinator is shutting down' }]);
    expect(await isHealthy()).toBe(true);

    const other = await harness.main({ sessionId: 's2', clientId: 'main-2' });
    expect(other.received.at(-1)).toMatchObject({
      type: 'error',
      reason: { code: 'DTE_COORDINATOR_LOST' },
      // Its client tries again, and finds the successor.
      fatal: false,
    });
    // A member of the running session still comes in.
    const late = await harness.agent('agent 2');
    expect(late.received.map(({ type }) => type)).toContain('welcome');

    await harness.putCache(agent, 'hash-app-build', 'outputs');
    agent.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'))]));
    await main.next('run.update', ({ state }) => state === 'finished');
    expect(isOver).toBe(false);
    await httpCall(harness.url, { method: 'POST', path: HTTP.sessionComplete, token: main.token, body: '' });
    await drained;
  });

  it('has nothing to wait for without members', async () => {
    harness = await Harness.start({ limits });
    const { main, agent } = await beginWork();
    main.socket.terminate();
    agent.socket.terminate();
    await waitFor('both to be gone', () =>
      harness.coordinator.sessions().every(({ agents, mains }) => agents + mains === 0),
    );
    await harness.coordinator.drain(noSignal);
  });

  it('waits no longer than its limit', async () => {
    harness = await Harness.start({ limits: { coordinatorDrainMs: 50 } });
    await beginWork();
    await harness.coordinator.drain(noSignal);
    expect(harness.coordinator.sessions()).toMatchObject([{ finished: false, agents: 1, mains: 1 }]);
  });

  it('ends at once by a second signal', async () => {
    harness = await Harness.start({ limits });
    await beginWork();
    const second = new AbortController();
    const drained = harness.coordinator.drain(second.signal);
    second.abort();
    await drained;
  });

  it('leaves sessions of before to the next coordinator on its folder', async () => {
    harness = await Harness.start({ limits: { coordinatorDrainMs: 1 } });
    await beginWork();
    await harness.coordinator.drain(noSignal);
    await harness.coordinator.close();
    await harness.startCoordinator();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    const other = await harness.main({ sessionId: 's2', clientId: 'main-2' });
    expect(other.received.map(({ type }) => type)).toContain('welcome');
  });
});
