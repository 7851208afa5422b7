import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_SESSION_SETTINGS, HTTP } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall, RawClient, waitFor } from '@org/dte-testing';
import { createCoordinator } from '../src';
import { agentSync, completed, Harness, success, containing } from './support/harness';

describe('a session that ends', () => {
  let harness: Harness;
  let finished: string[];

  afterEach(() => harness.cleanUp());

  const start = async (options: Parameters<typeof Harness.start>[0] = {}): Promise<void> => {
    finished = [];
    harness = await Harness.start({ onSessionFinished: (sessionId) => finished.push(sessionId), ...options });
  };
  const complete = (main: RawClient) =>
    httpCall(harness.url, { method: 'POST', path: HTTP.sessionComplete, token: main.token, body: '' });
  const folder = (): string => join(harness.dataDir, 'sessions', 's1');

  it('is announced after the last connection is closed, not before', async () => {
    await start();
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await complete(main);
    await agent.next('agent.wanted', ({ stop }) => stop !== null);
    await main.next('session.info', ({ state }) => state === 'finished');
    agent.socket.close();
    await agent.whenClosed();
    expect(finished).toEqual([]);
    main.socket.close();
    await waitFor('the announcement', () => finished.length > 0);
    expect(finished).toEqual(['s1']);
    expect(harness.coordinator.sessions()).toEqual([]);
  });

  it('rejects agents that connect later', async () => {
    await start();
    await complete(await harness.main());
    const late = await harness.agent('late agent');
    expect(await late.next('error')).toMatchObject({ reason: { code: 'DTE_SESSION_FINISHED' }, fatal: true });
  });

  it('is reopened, also by a later coordinator, when a main job sends settings: agents are served again', async () => {
    await start();
    const first = await harness.main();
    await complete(first);
    first.socket.close();
    await waitFor('the end', () => finished.length > 0);
    await harness.coordinator.close();
    await harness.startCoordinator();

    const main = await harness.main();
    await httpCall(harness.url, {
      method: 'POST',
      path: HTTP.sessionSettings,
      token: main.token,
      body: JSON.stringify(DEFAULT_SESSION_SETTINGS),
    });
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r2', [taskSpec('app:build')]));

    await agent.next('agent.wanted', ({ assignments, stop }) => stop === null && assignments.length === 1);
    expect(harness.coordinator.sessions()).toEqual([
      { sessionId: 's1', finished: false, agents: 1, mains: 1 },
    ]);
  });

  it('still serves its artifacts to holders of a token', async () => {
    await start();
    const main = await harness.main();
    await harness.putCache(main, '123', 'content');
    await complete(main);
    main.socket.close();
    await waitFor('the end', () => finished.length > 0);
    expect(await httpCall(harness.url, { path: HTTP.cache('123'), token: main.token })).toMatchObject({
      text: 'content',
    });
  });

  it('is removed from disk after the retry window', async () => {
    await start({ retainFinishedMs: 50 });
    const main = await harness.main();
    await harness.putCache(main, '123', 'content');
    await complete(main);
    main.socket.close();
    await waitFor('the folder to go', () => !existsSync(folder()));
    expect(await httpCall(harness.url, { path: HTTP.cache('123'), token: main.token })).toMatchObject({
      status: 401,
    });
  });

  it('stays on disk while it has members', async () => {
    await start({ retainFinishedMs: 20 });
    const main = await harness.main();
    await complete(main);
    const other = await harness.main({ sessionId: 's2' });
    await complete(other);
    other.socket.close();
    await waitFor(
      'the other session to go',
      () => readdirSync(join(harness.dataDir, 'sessions')).join() === 's1',
    );
    expect(main.closed).toBeNull();
  });

  it('finishes by itself if no client connects any more', async () => {
    await start({ limits: { sessionIdleMs: 50 } });
    const main = await harness.main();
    main.socket.close();
    await waitFor('the announcement', () => finished.length > 0);
  });
});

describe('close', () => {
  it('ends connections, requests and timers within its limit, and the session stays', async () => {
    const harness = await Harness.start({ limits: { closeMs: 1_000 } });
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    // A client that does not answer the close handshake, and a request that never ends.
    agent.socket.pause();
    const hanging = httpCall(harness.url, {
      method: 'PUT',
      path: HTTP.cache('1'),
      token: main.token,
      headers: { 'content-length': '10' },
    });
    hanging.catch(() => undefined);
    const startedAt = Date.now();
    await harness.coordinator.close();
    // Far above the limit for a slow machine, far below what the request that hangs would hold it up for (`bodyWindowMs`).
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    expect(await main.whenClosed()).toEqual({ code: 1001, reason: 'closing' });
    await expect(RawClient.connect(harness.url)).resolves.toMatchObject({ closed: { code: 1006 } });
    await harness.startCoordinator();
    expect(harness.coordinator.sessions()).toMatchObject([{ sessionId: 's1' }]);
    await harness.cleanUp();
  });

  it('is idempotent', async () => {
    const harness = await Harness.start();
    await Promise.all([harness.coordinator.close(), harness.coordinator.close()]);
    await harness.cleanUp();
  });
});

describe('createCoordinator', () => {
  it('reports an address in use', async () => {
    const harness = await Harness.start();
    const { port } = harness.coordinator;
    await expect(createCoordinator({ dataDir: join(harness.dataDir, 'other'), port })).rejects.toMatchObject({
      code: 'DTE_BAD_CONFIG',
      message: containing(`127.0.0.1:${port}`),
    });
    await harness.cleanUp();
  });

  it('reports a folder that cannot be created', async () => {
    await expect(createCoordinator({ dataDir: '/dev/null/dte' })).rejects.toMatchObject({
      code: 'DTE_BAD_CONFIG',
      message: containing('/dev/null/dte'),
    });
  });

  it('serves several sessions and keeps them separate', async () => {
    const harness = await Harness.start();
    const mains = await Promise.all(
      ['s1', 's2'].map((sessionId) => harness.main({ sessionId, clientId: `main-${sessionId}` })),
    );
    const agent = await harness.agent('agent 1', { sessionId: 's2' });
    agent.send(agentSync(1));
    for (const [index, main] of mains.entries())
      await harness.submit(main, runSpec('r1', [taskSpec(`app${index}:build`)]));
    const wanted = await agent.next('agent.wanted', ({ assignments }) => assignments.length > 0);
    expect(wanted.assignments.map(({ taskId }) => taskId)).toEqual(['app1:build']);
    await harness.putCache(agent, 'hash-app1-build', 'x');
    agent.send(agentSync(2, [completed('r1', 'app1:build', success('hash-app1-build'))]));
    await mains[1]!.next('run.update', ({ state }) => state === 'finished');
    expect(mains[0]!.all('run.update').every(({ state }) => state === 'running')).toBe(true);
    await harness.cleanUp();
  });
});
