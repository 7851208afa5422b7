import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { HTTP, LEAN_RUN_TASKS, type RunSpec, WITHOUT_HASHES } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall } from '@org/dte-testing';
import { agentSync, completed, Harness, success } from './support/harness';

describe('a session', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.cleanUp());

  it('sends a task from the main job to an agent, and its result back', async () => {
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    const wanted = await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    expect(wanted.assignments[0]).toMatchObject({
      runId: 'r1',
      taskId: 'app:build',
      attempt: 1,
      hash: 'hash-app-build',
    });

    expect(await harness.putCache(agent, 'hash-app-build', 'outputs')).toBe(200);
    agent.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'))]));
    const update = await main.next('run.update', ({ state }) => state === 'finished');
    expect(update.entries.at(-1)).toMatchObject({
      type: 'ended',
      taskId: 'app:build',
      status: 'success',
      agent: { name: 'agent 1' },
    });
    const outputs = await httpCall(harness.url, { path: HTTP.cache('hash-app-build'), token: main.token });
    expect(outputs.text).toBe('outputs');
  });

  it('retries a task whose result names an artifact that was never stored', async () => {
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    agent.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'))]));
    const update = await main.next('run.update', ({ entries }) =>
      entries.some(({ type }) => type === 'retried'),
    );
    const retried = update.entries.find(({ type }) => type === 'retried');
    expect(retried).toMatchObject({ reason: { code: 'DTE_ARTIFACT_MISSING' } });
    expect(JSON.stringify(retried)).toContain('hash hash-app-build');
    await agent.next('agent.wanted', ({ assignments }) => assignments[0]?.attempt === 2);
  });

  it('gives executors the run byte for byte as the main job sent it', async () => {
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    const body = JSON.stringify(runSpec('r1', [taskSpec('app:build')]), null, 3);
    await httpCall(harness.url, { method: 'POST', path: HTTP.runs, token: main.token, body });
    const answer = await httpCall(harness.url, { path: HTTP.run('r1'), token: agent.token });
    expect(answer.text).toBe(body);
  });

  it.each([
    ['br', 'br, gzip', brotliDecompressSync],
    ['gzip', 'gzip;q=1.0', gunzipSync],
  ] as const)(
    'sends the run packed with %s to clients that accept "%s"',
    async (encoding, accepts, unpack) => {
      const main = await harness.main();
      const agent = await harness.agent('agent 1');
      const tasks = Array.from({ length: 1_000 }, (_, index) => taskSpec(`lib-${index}:build`));
      const body = JSON.stringify(runSpec('r1', tasks));
      await httpCall(harness.url, { method: 'POST', path: HTTP.runs, token: main.token, body });
      const headers = { 'accept-encoding': accepts };
      const answer = await httpCall(harness.url, { path: HTTP.run('r1'), token: agent.token, headers });
      expect(answer.headers['content-encoding']).toBe(encoding);
      expect(answer.body.length).toBeLessThan(body.length / 10);
      expect(unpack(answer.body).toString()).toBe(body);
    },
  );

  it('leaves the hashes of a large run out for agents that ask for that, until it is restarted', async () => {
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    const large = (runId: string, count: number, options: { batch?: string } = {}): RunSpec =>
      runSpec(
        runId,
        Array.from({ length: count }, (_, index) => taskSpec(`lib-${index}:build`, [], options)),
      );
    const query = `?${new URLSearchParams(WITHOUT_HASHES).toString()}`;
    const sent = async (path: string): Promise<RunSpec> =>
      JSON.parse((await httpCall(harness.url, { path, token: agent.token })).text) as RunSpec;
    const runs = [
      large('r1', LEAN_RUN_TASKS + 1),
      large('r2', LEAN_RUN_TASKS),
      large('r3', LEAN_RUN_TASKS + 1, { batch: 'b1' }),
    ];
    for (const run of runs) await harness.submit(main, run);
    const [first] = runs;
    const lean = { ...first, tasks: first?.tasks.map((task) => ({ ...task, hash: null })) };

    expect(await sent(`${HTTP.run('r1')}${query}`)).toEqual(lean);
    expect(await sent(HTTP.run('r1'))).toEqual(first);
    expect(await sent(`${HTTP.run('r2')}${query}`)).toEqual(runs[1]);
    expect(await sent(`${HTTP.run('r3')}${query}`)).toEqual(runs[2]);
    await harness.coordinator.close();
    await harness.startCoordinator();
    expect(await sent(`${HTTP.run('r1')}${query}`)).toEqual(first);
  });

  it('gives the same answer to the same run submitted again', async () => {
    const main = await harness.main();
    const body = JSON.stringify(runSpec('r1', [taskSpec('app:build')]));
    const post = () => httpCall(harness.url, { method: 'POST', path: HTTP.runs, token: main.token, body });
    const answers = await Promise.all([post(), post()]);
    expect([...answers, await post()].map(({ text }) => text)).toEqual(Array(3).fill('{"runId":"r1"}'));
  });

  it('relays live output only to the main job that follows the run', async () => {
    const [main, other] = [await harness.main(), await harness.main({ clientId: 'main-2' })];
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')], { streamOutput: true }));
    await main.next('run.update');
    agent.send({
      type: 'agent.output',
      runId: 'r1',
      taskId: 'app:build',
      attempt: 1,
      offset: 0,
      data: 'hello',
    });
    expect(await main.next('run.output')).toEqual({
      type: 'run.output',
      runId: 'r1',
      taskId: 'app:build',
      attempt: 1,
      offset: 0,
      data: 'hello',
    });
    expect(other.all('run.output')).toEqual([]);
  });

  it('drops live output for a main job that does not read, and delivers the result', async () => {
    const main = await harness.main();
    const agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')], { streamOutput: true }));
    await main.next('run.update');
    main.socket.pause();
    const chunk = 'x'.repeat(60_000);
    for (let index = 0; index < 1_000; index++) {
      const offset = index * chunk.length;
      agent.send({ type: 'agent.output', runId: 'r1', taskId: 'app:build', attempt: 1, offset, data: chunk });
    }
    await harness.putCache(agent, 'hash-app-build', 'outputs');
    agent.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'))]));
    await agent.next('agent.wanted', ({ seq }) => seq === 2);
    main.socket.resume();
    await main.next('run.update', ({ state }) => state === 'finished');
    const received = main.all('run.output').length;
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThan(1_000);
  });

  it('tells the main job which agents join and leave', async () => {
    const main = await harness.main();
    const agent = await harness.agent('agent 1', { jobUrl: 'https://gitlab.example/jobs/1' });
    const there = await main.next('session.info', ({ agents }) => agents.some(({ connected }) => connected));
    expect(there.agents[0]).toMatchObject({ name: 'agent 1', jobUrl: 'https://gitlab.example/jobs/1' });
    await agent.kill();
    await main.next('session.info', ({ agents }) => agents.some(({ connected }) => !connected));
  });

  it('accepts a new connection of an agent whose old one hangs, and the agent keeps its attempt', async () => {
    const main = await harness.main();
    const old = await harness.agent('agent 1');
    old.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    await old.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    const fresh = await harness.agent('agent 1');
    fresh.send(
      agentSync(1, [{ runId: 'r1', taskId: 'app:build', attempt: 1, phase: { name: 'preparing' } }]),
    );
    expect((await old.whenClosed()).code).toBe(1006);
    const wanted = await fresh.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    expect(wanted.assignments).toMatchObject([{ taskId: 'app:build', attempt: 1 }]);
    expect(harness.coordinator.sessions()).toMatchObject([{ agents: 1 }]);
  });

  it('tells a main job that the run is unknown', async () => {
    const main = await harness.main();
    main.send({ type: 'main.sync', runId: 'nowhere', ackSeq: 0, want: 'follow' });
    expect(await main.next('error')).toMatchObject({ reason: { code: 'DTE_UNKNOWN_RUN' }, fatal: false });
  });

  it('stores recorded commands and lists them without their output', async () => {
    const main = await harness.main();
    const record = { command: 'nx format:check', exitCode: 1, startMs: 1, endMs: 2, output: 'app.ts\n' };
    const post = (body: object) =>
      httpCall(harness.url, {
        method: 'POST',
        path: HTTP.records,
        token: main.token,
        body: JSON.stringify(body),
      });
    await post(record);
    await post({ ...record, command: 'second' });
    const status = await httpCall(harness.url, { path: HTTP.sessionStatus, token: main.token });
    expect(JSON.parse(status.text)).toMatchObject({
      sessionId: 's1',
      state: 'open',
      records: [
        { command: 'nx format:check', exitCode: 1, startMs: 1, endMs: 2 },
        { command: 'second', exitCode: 1, startMs: 1, endMs: 2 },
      ],
    });
  });
});
