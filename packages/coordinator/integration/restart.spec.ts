import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { createInterface } from 'node:readline';
import { HTTP, type Work } from '@org/dte-protocol';
import { exampleHello, runSpec, taskSpec, httpCall, RawClient, waitFor } from '@org/dte-testing';
import { type FileSystem, nodeFileSystem } from '../src/files/file-system';
import { agentSync, completed, Harness, success, containing } from './support/harness';

const executing: Work = {
  runId: 'r1',
  taskId: 'app:build',
  attempt: 1,
  phase: { name: 'executing', startMs: 1 },
};

/** Starts a session with an agent at work on `app:build`; `app:test` depends on it. */
async function beginWork(url: string): Promise<{ main: RawClient; agent: RawClient }> {
  const main = await RawClient.hello(
    url,
    exampleHello({ role: 'main', name: 'main job', clientId: 'main-1' }),
  );
  const agent = await RawClient.hello(url, exampleHello({ name: 'agent 1', clientId: 'agent-1' }));
  agent.send(agentSync(1));
  const run = runSpec('r1', [taskSpec('app:build'), taskSpec('app:test', ['app:build'])]);
  const body = JSON.stringify(run);
  await httpCall(url, { method: 'POST', path: HTTP.runs, token: main.token, body });
  main.send({ type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' });
  await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
  agent.send(agentSync(2, [executing]));
  await main.next('run.update', ({ entries }) => entries.some(({ type }) => type === 'started'));
  await httpCall(url, {
    method: 'PUT',
    path: HTTP.cache('early'),
    token: main.token,
    body: 'stored before',
  });
  return { main, agent };
}

/** The same clients reconnect and finish the run; the earlier attempt must still be valid. */
async function finishWork(harness: Harness, oldToken: string): Promise<void> {
  const early = await httpCall(harness.url, { path: HTTP.cache('early'), token: oldToken });
  expect(early.text).toBe('stored before');
  const main = await harness.main();
  const agent = await harness.agent('agent 1', { clientId: 'agent-1' });
  main.send({ type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' });
  await harness.putCache(agent, 'hash-app-build', 'outputs');
  agent.send(agentSync(1, [completed('r1', 'app:build', success('hash-app-build'))]));
  await agent.next('agent.wanted', ({ assignments }) =>
    assignments.some(({ taskId }) => taskId === 'app:test'),
  );
  await harness.putCache(agent, 'hash-app-test', 'outputs');
  agent.send(agentSync(2, [completed('r1', 'app:test', success('hash-app-test'))]));
  await main.next('run.update', ({ state }) => state === 'finished');
  const ended = main
    .all('run.update')
    .flatMap(({ entries }) => entries)
    .filter(({ type }) => type === 'ended');
  const outcomes = new Map(ended.map((entry) => [entry.taskId, entry]));
  expect(outcomes.get('app:build')).toMatchObject({
    status: 'success',
    attempt: 1,
    agent: { name: 'agent 1' },
  });
  expect(outcomes.get('app:test')).toMatchObject({ status: 'success', attempt: 1 });
}

describe('a coordinator process that is killed', () => {
  let dataDir: string;
  let child: ChildProcess;
  let harness: Harness | null = null;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'dte-killed-'));
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    if (harness !== null) await harness.cleanUp();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('is replaced by one with its session, runs, tokens and artifacts; agent and main job continue', async () => {
    child = spawn(process.execPath, [join(__dirname, 'support/run-typescript.cjs'), dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = (await once(createInterface(child.stdout!), 'line')) as [string];
    const { agent, main } = await beginWork(url);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await Promise.all([agent.whenClosed(), main.whenClosed()]);

    harness = await Harness.start({ dataDir });
    expect(harness.coordinator.sessions()).toMatchObject([{ sessionId: 's1', finished: false }]);
    await finishWork(harness, agent.token);
  }, 30_000);
});

describe('a coordinator that starts on the folder of an earlier one', () => {
  let harness: Harness;
  let token: string;
  const folder = (): string => join(harness.dataDir, 'sessions', 's1');
  const journal = (): string => join(folder(), 'journal.jsonl');

  beforeEach(async () => {
    harness = await Harness.start();
    token = (await beginWork(harness.url)).agent.token;
    await harness.coordinator.close();
  });
  afterEach(() => harness.cleanUp());

  it('continues after an orderly end', async () => {
    await harness.startCoordinator();
    await finishWork(harness, token);
  });

  it('continues after an incomplete last line, and appends after the complete ones', async () => {
    appendFileSync(journal(), '{"atMs":1,"input":{"type":"agent.sy');
    await harness.startCoordinator();
    await finishWork(harness, token);
    await harness.coordinator.close();
    for (const line of readFileSync(journal(), 'utf8').trimEnd().split('\n'))
      expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it('has stored nothing of forwarded values, and accepts them again', async () => {
    await harness.startCoordinator();
    const main = await harness.main();
    await harness.submit(main, { ...runSpec('r2', [taskSpec('app:lint')]), forwardedEnv: ['TOKEN'] });
    const path = HTTP.runEnv('r2');
    const body = JSON.stringify({ values: { TOKEN: 'tr0ub4dor-and-3' } });
    const put = () => httpCall(harness.url, { method: 'PUT', path, body, token: main.token });
    const get = () => httpCall(harness.url, { path, token });
    expect(await get()).toMatchObject({ status: 503, code: 'DTE_FORWARDED_ENV_MISSING' });
    expect(await put()).toMatchObject({ status: 200 });
    expect(await get()).toMatchObject({ status: 200, text: body });

    await harness.coordinator.close();
    await harness.startCoordinator();

    expect(await get()).toMatchObject({ status: 503, code: 'DTE_FORWARDED_ENV_MISSING' });
    expect(await put()).toMatchObject({ status: 200 });
    expect(await get()).toMatchObject({ status: 200, text: body });
    const files = readdirSync(harness.dataDir, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(2);
    for (const { parentPath, name } of files) {
      const content = readFileSync(join(parentPath, name));
      const text = (name.endsWith('.br') ? brotliDecompressSync(content) : content).toString();
      expect(text).not.toContain('tr0ub4dor');
    }
  });

  it('removes unfinished uploads', async () => {
    writeFileSync(join(folder(), 'artifacts', '.tmp-left'), 'half');
    await harness.startCoordinator();
    await finishWork(harness, token);
    expect(readdirSync(join(folder(), 'artifacts')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('keeps the leases that the session started with, whatever the new limits are', async () => {
    await harness.startCoordinator({ limits: { leaseMs: 12_345 } });
    expect(JSON.parse(readFileSync(journal(), 'utf8').split('\n')[0]!)).toMatchObject({
      config: { leaseMs: 30_000 },
    });
    await finishWork(harness, token);
  });

  const damages: [string, () => void][] = [
    [
      'a line in the middle',
      () => {
        const lines = readFileSync(journal(), 'utf8').split('\n');
        lines[2] = '{"atMs":1,"inp#t';
        writeFileSync(journal(), lines.join('\n'));
      },
    ],
    ['the first line', () => writeFileSync(journal(), `garbage\n${readFileSync(journal(), 'utf8')}`)],
    ['everything', () => truncateSync(journal())],
    ['the run that the journal names', () => writeFileSync(join(folder(), 'runs', 'r1.json.br'), '{')],
  ];
  it.each(damages)(
    'names the file and the fix if %s is damaged, and serves other sessions',
    async (_, damage) => {
      damage();
      await harness.startCoordinator();
      const main = await harness.main();
      const { reason } = await main.next('error');
      expect(reason).toMatchObject({ code: 'DTE_JOURNAL_CORRUPT', message: containing(folder()) });
      await (await harness.main({ sessionId: 's2' })).next('welcome');
    },
  );
});

describe('while a session is being restored', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.cleanUp());

  it('clients connect, are not told to be ready, and join as soon as it is restored', async () => {
    await beginWork(harness.url);
    const { port } = harness.coordinator;
    await harness.coordinator.close();
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const fs: FileSystem = {
      ...nodeFileSystem,
      open: async (path, ...rest) => {
        if (String(path).endsWith('journal.jsonl')) await opened;
        return nodeFileSystem.open(path, ...rest);
      },
    };
    const starting = harness.startCoordinator({ fs, port });
    const url = `http://127.0.0.1:${port}`;
    const early = await reached(url);
    const ready = await httpCall(url, { path: HTTP.ready });
    expect([ready.status, ready.text]).toEqual([503, containing('being restored')]);
    await early.next('challenge');
    early.send(exampleHello({ name: 'agent 1', clientId: 'agent-1' }));
    // An answer to a later request comes only after the hello was read.
    await httpCall(url, { path: HTTP.health });
    expect(early.received.map(({ type }) => type)).toEqual(['challenge']);

    open();
    await early.next('welcome');
    await starting;
    expect((await httpCall(url, { path: HTTP.ready })).status).toBe(200);
    early.send(agentSync(1, [executing]));
    const wanted = await early.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    expect(wanted.assignments).toMatchObject([{ taskId: 'app:build', attempt: 1 }]);
    early.socket.terminate();
  });
});

/** A connection to a coordinator that is starting. */
async function reached(url: string): Promise<RawClient> {
  const tries: RawClient[] = [];
  await waitFor('a port that listens', async () => {
    const client = await RawClient.connect(url).catch(() => null);
    if (client === null || client.closed) return false;
    tries.push(client);
    return true;
  });
  return tries[0]!;
}
