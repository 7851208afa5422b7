import { connect, type Connection, httpClient, type HttpClient, waitOpen } from '@org/dte-client';
import {
  type AttemptResult,
  type CoordinatorToAgent,
  coordinatorToAgentSchema,
  type CoordinatorToMain,
  coordinatorToMainSchema,
  HTTP,
  type Role,
  type Work,
} from '@org/dte-protocol';
import {
  exampleClaims,
  httpCall,
  runSpec,
  RunningProcess,
  taskSpec,
  testLimits,
  waitFor,
} from '@org/dte-testing';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { installVersion } from './versions';

// Several processes one after the other, on two cores that the other tests also use.
jest.setTimeout(180_000);

const SNAPSHOT = '@org/dte-coordinator/dist/session/snapshot.js';
/** That of this code. */
let format: number;
const raised = (text: string): string =>
  text.replace(/SNAPSHOT_FORMAT = ([0-9]+)/, (_, format) => `SNAPSHOT_FORMAT = ${Number(format) + 1}`);
const limits = testLimits({ coordinatorGraceMs: 120_000 });

let root: string;
let dataDir: string;
/** Versions with and without another format of snapshots. */
let command: Readonly<Record<'old' | 'next' | 'raised', string>>;
let running: RunningProcess[];
let cleanUps: (() => void)[];

beforeAll(() => {
  const snapshot = readFileSync(
    require
      .resolve('@org/dte-coordinator/package.json')
      .replace(/package\.json$/, 'dist/session/snapshot.js'),
    'utf8',
  );
  format = Number(/SNAPSHOT_FORMAT = ([0-9]+)/.exec(snapshot)?.[1]);
  root = mkdtempSync(join(tmpdir(), 'dte-versions-'));
  command = {
    old: installVersion(root, '0.1.0'),
    next: installVersion(root, '0.2.0'),
    raised: installVersion(root, '0.3.0', { [SNAPSHOT]: raised }),
  };
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  dataDir = mkdtempSync(join(root, 'data-'));
  running = [];
  cleanUps = [];
});
afterEach(async () => {
  for (const cleanUp of cleanUps) cleanUp();
  for (const service of running) {
    service.signal('SIGKILL');
    await service.end();
  }
});

interface Service {
  readonly process: RunningProcess;
  readonly url: string;
}

async function start(version: keyof typeof command, port = 0, folder = dataDir): Promise<Service> {
  const service = new RunningProcess({
    name: version,
    command: process.execPath,
    args: [command[version], 'coordinator', `--port=${port}`, `--data-dir=${folder}`],
    cwd: root,
    env: {
      PATH: process.env['PATH'],
      HOME: root,
      // Every batch of inputs is followed by a snapshot.
      DTE_JOURNAL_TAIL_BYTES: '1',
      DTE_COORDINATOR_DRAIN_MS: '1',
    },
  });
  running.push(service);
  await service.waitForOutput(/coordinator on http:\S+ /);
  return { process: service, url: /coordinator on (http:\S+) /.exec(service.output())?.[1] ?? '' };
}

async function stop({ process: service }: Service): Promise<void> {
  service.signal('SIGTERM');
  expect((await service.end()).code).toBe(0);
}

const portOf = ({ url }: Service): number => Number(new URL(url).port);

interface Client<T> {
  readonly connection: Connection<T>;
  readonly received: T[];
  readonly http: HttpClient;
}

async function enter<T>(url: string, role: Role, incoming: z.ZodType<T>): Promise<Client<T>> {
  const slots = role === 'agent' ? 2 : null;
  const hello = { ...exampleClaims, role, slots, sessionId: 's1', clientId: `${role}-1`, name: role };
  const connection = connect({ address: url, hello, limits, incoming });
  const http = httpClient({
    url,
    token: () => connection.token(),
    limits,
    retryForMs: limits.coordinatorGraceMs,
  });
  const received: T[] = [];
  connection.onMessage((message) => received.push(message));
  cleanUps.push(() => {
    connection.close();
    http.close();
  });
  await waitOpen(connection, 60_000);
  return { connection, received, http };
}

const main = (url: string): Promise<Client<CoordinatorToMain>> => enter(url, 'main', coordinatorToMainSchema);
const agent = (url: string): Promise<Client<CoordinatorToAgent>> =>
  enter(url, 'agent', coordinatorToAgentSchema);

const wanted = ({ received }: Client<CoordinatorToAgent>, taskId: string): boolean =>
  received.some(
    (each) => each.type === 'agent.wanted' && each.assignments.some((one) => one.taskId === taskId),
  );
const finished = ({ received }: Client<CoordinatorToMain>): boolean =>
  received.some((each) => each.type === 'run.update' && each.state === 'finished');

/** What an agent says of its attempts, again after every reconnect. */
class AgentWork {
  private seq = 0;
  constructor(private readonly client: Client<CoordinatorToAgent>) {
    client.connection.onState(({ name }) => {
      if (name === 'open') this.say();
    });
  }
  private current: Work[] = [];

  say(work: Work[] = this.current): void {
    this.current = work;
    this.client.connection.send({ type: 'agent.sync', seq: ++this.seq, slots: 2, draining: false, work });
  }

  async complete(taskId: string): Promise<void> {
    const hash = `hash-${taskId.replace(':', '-')}`;
    const { connection } = this.client;
    const call = {
      method: 'PUT',
      path: HTTP.cache(hash),
      token: connection.token(),
      body: `outputs of ${taskId}`,
    };
    expect((await httpCall(connection.url(), call)).status).toBe(200);
    const result: AttemptResult = {
      kind: 'finished',
      status: 'success',
      code: 0,
      fromCache: null,
      hash,
      artifact: { kind: 'cache', hash },
      startMs: 1,
      endMs: 2,
      reason: null,
      hashDetails: null,
    };
    this.say([{ runId: 'r1', taskId, attempt: 1, phase: { name: 'completed', result } }]);
  }
}

/** A run whose first task an agent works on; the second one depends on it. */
async function beginRun(url: string) {
  const mainJob = await main(url);
  const worker = await agent(url);
  const work = new AgentWork(worker);
  work.say();
  await mainJob.http.submitRun(runSpec('r1', [taskSpec('app:build'), taskSpec('app:test', ['app:build'])]));
  const follow = (): void =>
    void mainJob.connection.send({ type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' });
  mainJob.connection.onState(({ name }) => {
    if (name === 'open') follow();
  });
  follow();
  await waitFor('the first task', () => wanted(worker, 'app:build'));
  const phase = { name: 'executing', startMs: 1 } as const;
  work.say([{ runId: 'r1', taskId: 'app:build', attempt: 1, phase }]);
  await waitFor('its start', () =>
    mainJob.received.some(
      (each) => each.type === 'run.update' && each.entries.some(({ type }) => type === 'started'),
    ),
  );
  return { mainJob, worker, work };
}

async function finishRun({ mainJob, worker, work }: Awaited<ReturnType<typeof beginRun>>): Promise<void> {
  await waitFor('both to be back', () =>
    [mainJob, worker].every(({ connection }) => connection.state.name === 'open'),
  );
  await work.complete('app:build');
  await waitFor('the second task', () => wanted(worker, 'app:test'));
  await work.complete('app:test');
  await waitFor('the end of the run', () => finished(mainJob));
  const ended = mainJob.received.flatMap((each) => (each.type === 'run.update' ? each.entries : []));
  // The attempts of before count: nothing ran twice.
  expect(
    ended
      .filter(({ type }) => type === 'ended')
      .map((entry) => [entry.taskId, 'attempt' in entry && entry.attempt]),
  ).toEqual(
    expect.arrayContaining([
      ['app:build', 1],
      ['app:test', 1],
    ]),
  );
}

const snapshotFormat = (folder = dataDir): unknown => {
  const [first = ''] = readFileSync(join(folder, 'sessions/s1/journal.jsonl')).toString('latin1').split('\n');
  return (JSON.parse(first) as { snapshot?: { format: number } }).snapshot?.format;
};

it('is upgraded in place while a run goes on: its clients reconnect, and nothing runs twice', async () => {
  const old = await start('old');
  const run = await beginRun(old.url);
  await stop(old);
  const next = await start('next', portOf(old));
  expect(next.process.output()).toContain('"version":"0.2.0"');
  await finishRun(run);
});

it('is rolled back in place while a run goes on, if both versions write the same snapshots', async () => {
  const next = await start('next');
  const run = await beginRun(next.url);
  await waitFor('a snapshot', () => snapshotFormat() === format);
  await stop(next);
  await start('old', portOf(next));
  await finishRun(run);
});

it('refuses, after a roll-back, only the sessions of a newer format, says why, and leaves them whole', async () => {
  const newer = await start('raised');
  const run = await beginRun(newer.url);
  await waitFor('a snapshot', () => snapshotFormat() === format + 1);
  await stop(newer);
  const before = readFileSync(join(dataDir, 'sessions/s1/journal.jsonl'));

  const old = await start('old', portOf(newer));
  const why = `sessions/s1: its format is ${format + 1}, and this version reads ${format}. The session goes on when that version is started again`;
  expect(old.process.output()).toContain(why);
  const { worker, mainJob } = run;
  await waitFor('both to be told', () =>
    [worker, mainJob].every(({ connection: { state } }) => state.name === 'failed'),
  );
  expect(mainJob.connection.state).toMatchObject({ error: { code: 'DTE_JOURNAL_CORRUPT' } });
  expect((await httpCall(old.url, { path: HTTP.ready })).status).toBe(200);
  const other = connect({
    address: old.url,
    hello: { ...exampleClaims, sessionId: 's2' },
    limits,
    incoming: coordinatorToAgentSchema,
  });
  cleanUps.push(() => other.close());
  await waitOpen(other, 60_000);
  await stop(old);
  expect(readFileSync(join(dataDir, 'sessions/s1/journal.jsonl')).equals(before)).toBe(true);

  const again = await start('raised', portOf(newer));
  expect(again.process.output()).toMatch(/"session":"s1".*restored from its journal/);
  // The other way round it is the same: what the older version began, only that one reads.
  expect(again.process.output()).toContain(
    `sessions/s2: its format is ${format}, and this version reads ${format + 1}`,
  );
  const back = await main(again.url);
  back.connection.send({ type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' });
  await waitFor('the run', () => back.received.some((each) => each.type === 'run.update'));
});

it('is copied while it runs, and the copy serves what was there, on the same machine too', async () => {
  const first = await start('old');
  const run = await beginRun(first.url);
  await run.work.complete('app:build');
  await waitFor('the second task', () => wanted(run.worker, 'app:test'));
  const copy = join(root, 'copy');
  // As in docs/how-to/deploy-coordinator.md: twice, without the lock.
  for (let n = 0; n < 2; n++)
    cpSync(dataDir, copy, { recursive: true, filter: (path) => !/coordinator\.lock\.\d+$/.test(path) });
  expect(readdirSync(copy)).toContain('sessions');
  const second = await start('old', 0, copy);
  expect(second.process.output()).not.toContain('could not be restored');
  const back = await agent(second.url);
  const token = back.connection.token();
  const stored = await httpCall(second.url, { path: HTTP.cache('hash-app-build'), token });
  expect(stored.text).toBe('outputs of app:build');
  new AgentWork(back).say();
  await waitFor('the second task', () => wanted(back, 'app:test'));
  // The first one does not notice.
  await run.work.complete('app:test');
  await waitFor('the end of the run', () => finished(run.mainJob));
});
