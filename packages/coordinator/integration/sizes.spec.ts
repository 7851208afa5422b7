import { Agent, get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { DEFAULT_SESSION_SETTINGS, HTTP, LIMITS, runSpecSchema } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall, type RawClient, waitFor } from '@org/dte-testing';
import { agentSync, Harness } from './support/harness';
import { sendStrangersAway, stranger } from './support/strangers';

jest.setTimeout(120_000);

/** JSON that is padded with spaces to exactly so many bytes. */
const padded = (value: unknown, bytes: number): string => JSON.stringify(value).padEnd(bytes, ' ');

describe('what a main job sends by HTTP', () => {
  let harness: Harness;
  let main: RawClient;
  afterEach(() => harness.cleanUp());

  const start = async (limits: Parameters<typeof Harness.start>[0] = {}): Promise<void> => {
    harness = await Harness.start(limits);
    main = await harness.main();
  };
  const send = (method: 'POST' | 'PUT', path: string, body: string) =>
    httpCall(harness.url, { method, path, token: main.token, body });
  const accepted = { status: 200 };
  const tooLarge = { status: 413, code: 'DTE_FRAME_TOO_LARGE' };

  it('as a run may have runSpecBytes and not a byte more', async () => {
    await start({ limits: { runSpecBytes: 5_000 } });
    const run = runSpec('r1', [taskSpec('app:build')]);
    expect(await send('POST', HTTP.runs, padded(run, 5_001))).toMatchObject(tooLarge);
    expect(await send('POST', HTTP.runs, padded(run, 5_000))).toMatchObject(accepted);
  });

  it('as a run may have runTasks tasks and not one more', async () => {
    await start();
    const task = taskSpec('app:build');
    const accepts = (tasks: number): boolean =>
      runSpecSchema.safeParse(
        runSpec(
          'r1',
          Array.from({ length: tasks }, () => task),
        ),
      ).success;
    // By the schema alone: that many tasks take half a minute by HTTP, and `npm run bench -- scale` sends 100,000.
    expect([accepts(LIMITS.runTasks.value), accepts(LIMITS.runTasks.value + 1)]).toEqual([true, false]);
  });

  it('as values of forwardEnv may have forwardedEnvBytes and not a byte more', async () => {
    await start({ limits: { forwardedEnvBytes: 2_000 } });
    await harness.submit(main, { ...runSpec('r1', [taskSpec('app:build')]), forwardedEnv: ['TOKEN'] });
    const env = { values: { TOKEN: 'x' } };
    expect(await send('PUT', HTTP.runEnv('r1'), padded(env, 2_001))).toMatchObject(tooLarge);
    expect(await send('PUT', HTTP.runEnv('r1'), padded(env, 2_000))).toMatchObject(accepted);
  });

  it('as names of forwardEnv may have forwardedNames and not one more', async () => {
    await start();
    const withNames = (count: number): string =>
      JSON.stringify({
        ...runSpec('r1', [taskSpec('app:build')]),
        forwardedEnv: Array.from({ length: count }, (_, nth) => `NAME_${nth}`),
      });
    const most = LIMITS.forwardedNames.value;
    expect(await send('POST', HTTP.runs, withNames(most + 1))).toMatchObject({
      status: 400,
      code: 'DTE_MALFORMED_MESSAGE',
    });
    expect(await send('POST', HTTP.runs, withNames(most))).toMatchObject(accepted);
  });

  it('as settings may have settingsBytes and not a byte more', async () => {
    await start();
    const bytes = LIMITS.settingsBytes.value;
    const settings = DEFAULT_SESSION_SETTINGS;
    expect(await send('POST', HTTP.sessionSettings, padded(settings, bytes + 1))).toMatchObject(tooLarge);
    expect(await send('POST', HTTP.sessionSettings, padded(settings, bytes))).toMatchObject(accepted);
  });

  it('as a recorded command may have recordBytes of output, for recordsPerSession commands', async () => {
    await start();
    const record = { command: 'x', exitCode: 0, startMs: 1, endMs: 2, output: '' };
    const most = LIMITS.recordBytes.value;
    const withOutput = (bytes: number) => JSON.stringify({ ...record, output: 'x'.repeat(bytes) });
    expect((await send('POST', HTTP.records, withOutput(most + 1))).status).toBe(400);
    expect(await send('POST', HTTP.records, withOutput(most))).toMatchObject(accepted);
    for (let nth = 1; nth < LIMITS.recordsPerSession.value; nth++)
      expect((await send('POST', HTTP.records, withOutput(1))).status).toBe(200);
    expect(await send('POST', HTTP.records, withOutput(1))).toMatchObject({ code: 'DTE_LIMIT_REACHED' });
  });

  it('as headers may have headerBytes and not many more', async () => {
    await start();
    const status = async (bytes: number): Promise<number> => {
      const headers = { 'x-long': 'x'.repeat(bytes) };
      const [answer] = (await once(get(`${harness.url}${HTTP.health}`, { headers }), 'response')) as [
        IncomingMessage,
      ];
      answer.resume();
      return answer.statusCode ?? 0;
    };
    expect(await status(LIMITS.headerBytes.value - 1_000)).toBe(200);
    expect(await status(LIMITS.headerBytes.value + 1_000)).toBe(400);
  });
});

describe('what an agent says', () => {
  let harness: Harness;
  afterEach(() => harness.cleanUp());

  it.each([
    ['a chunk of outputChunkBytes', LIMITS.outputChunkBytes.value, true],
    ['a chunk of one character more', LIMITS.outputChunkBytes.value + 1, false],
  ])('as output: %s', async (_, length, isTaken) => {
    harness = await Harness.start();
    const [main, agent] = [await harness.main(), await harness.agent('agent 1')];
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')], { streamOutput: true }));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    const output = { type: 'agent.output', runId: 'r1', taskId: 'app:build', attempt: 1, offset: 0 };
    agent.send({ ...output, data: 'x'.repeat(length) });
    if (isTaken) expect((await main.next('run.output')).data).toHaveLength(length);
    else expect(await agent.next('error')).toMatchObject({ reason: { code: 'DTE_MALFORMED_MESSAGE' } });
  });

  it.each([
    ['as many as slotsPerAgent', LIMITS.slotsPerAgent.value, true],
    ['one more', LIMITS.slotsPerAgent.value + 1, false],
  ])('as slots: %s', async (_, slots, isTaken) => {
    harness = await Harness.start();
    const agent = await harness.agent('agent 1');
    agent.send({ ...agentSync(1), slots });
    if (isTaken) await agent.next('agent.wanted');
    else expect(await agent.next('error')).toMatchObject({ reason: { code: 'DTE_MALFORMED_MESSAGE' } });
  });
});

describe('an HTTP connection', () => {
  let harness: Harness;
  let agent: Agent;
  beforeEach(() => (agent = new Agent({ keepAlive: true, maxSockets: 1 })));
  afterEach(async () => {
    agent.destroy();
    sendStrangersAway();
    await harness.cleanUp();
  });

  const ask = async (): Promise<Pick<IncomingMessage, 'headers' | 'socket'>> => {
    const [answer] = (await once(get(`${harness.url}${HTTP.health}`, { agent }), 'response')) as [
      IncomingMessage,
    ];
    // The answer does not know its socket any more when it has ended.
    const { headers, socket } = answer;
    const ended = once(answer, 'end');
    answer.resume();
    await ended;
    return { headers, socket };
  };

  it('is kept for keepAliveMs between two requests, and says so', async () => {
    harness = await Harness.start();
    const { headers, socket } = await ask();
    expect(headers['keep-alive']).toBe(`timeout=${LIMITS.keepAliveMs.value / 1_000}`);
    expect((await ask()).socket).toBe(socket);
  });

  it('is closed when it was idle for longer', async () => {
    // Nothing else closes it: neither another limit, nor a client that reads the header.
    const never = 3_600_000;
    harness = await Harness.start({
      limits: { keepAliveMs: 200, httpRequestMs: never, strangerMs: never, headersMs: never },
    });
    const client = await stranger(harness, `GET ${HTTP.health} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await waitFor('the end of the connection', () => client.isClosed());
    expect(client.heard()).toMatch(/^HTTP\/1.1 200 /);
  });
});
