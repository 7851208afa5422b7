import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import {
  type BatchRun,
  type FetchResult,
  type NxTask,
  type RunBatchRequest,
  type RunTaskRequest,
  type TaskHost,
  type TaskRun,
  summaryOf,
} from '@org/dte-nx-compat';
import { type AttemptResult, type ClosureEntry, type RunSpec } from '@org/dte-protocol';
import {
  waitFor,
  FakeCoordinator,
  assignment,
  runOfTasks,
  sendArtifact,
  testLimits,
  plainOutputs,
  tempFolders,
} from '@org/dte-testing';
import * as tar from 'tar-stream';
import { packAttempt } from '@org/dte-client';
import { Executor } from './executor';
import { type Channel } from './channel';
import { type FromExecutor, type RunMessage, fromExecutorSchema, toExecutorSchema } from './ipc';

const folder = tempFolders();
const ended = (change: Partial<TaskRun> = {}): TaskRun => ({
  status: 'success',
  code: 0,
  terminalOutput: 'the output',
  hash: 'hash-app-build',
  cacheStatus: 'miss',
  store: { kind: 'stored' },
  startMs: 10,
  endMs: 20,
  stopped: false,
  broken: undefined,
  notices: '',
  ...change,
});

/** An Nx whose behaviour is set by the test. */
class FakeHost implements TaskHost {
  readonly nxVersion = '23.2.1';
  readonly remoteKind = 'ours';
  readonly projectGraph = {
    nodes: Object.fromEntries(
      ['app', 'lib'].map((name) => [
        name,
        { name, type: 'lib', data: { root: name, targets: { build: {} } } },
      ]),
    ),
    dependencies: {},
  };
  hash = 'hash-app-build';
  nodes: Record<string, string> = {
    'app:ProjectConfiguration': '1',
    'env:STAGE': '2',
    'runtime:echo tool': '3',
  };
  run: (request: RunTaskRequest) => Promise<TaskRun> = () => Promise.resolve(ended());
  batch: (request: RunBatchRequest) => Promise<BatchRun> = () => Promise.reject(new Error('no batch'));
  fetched: FetchResult = { kind: 'remote', entry: { code: 0, terminalOutput: '', outputsPath: '' } };
  readonly restored: string[] = [];
  readonly cache: TaskHost['cache'] = {
    remoteKind: 'ours',
    lookupLocal: async ([task]) =>
      new Map([[task?.id ?? '', { code: 0, terminalOutput: '', outputsPath: '' }]]),
    fetch: async () => ({ kind: 'miss' }),
    uploadFromLocal: async () => ({ kind: 'stored' }),
    store: () => Promise.resolve(),
    recordTaskDetails: () => undefined,
    replays: (code) => code === 0,
    keepTerminalOutput: () => Promise.resolve(),
    distrust: () => undefined,
    disconnect: () => undefined,
    keepHere: () => Promise.resolve(),
  };
  stop: () => void = () => undefined;
  entered: [runId: string, variables: Readonly<Record<string, string | undefined>>][] = [];
  enterRun: TaskHost['enterRun'] = (runId, variables) => void this.entered.push([runId, variables]);
  hashTask = async () => ({
    value: this.hash,
    details: { command: 'c', nodes: this.nodes, implicitDeps: {}, runtime: {} },
  });
  restore = async (task: NxTask) => {
    this.restored.push(`${task.id} ${task.hash ?? ''}`);
    return this.fetched;
  };
  runTask = (request: RunTaskRequest) => this.run(request);
  startServer: TaskHost['startServer'] = () => Promise.reject(new Error('no server'));
  runBatch = (request: RunBatchRequest) => this.batch(request);
  stopTask = async () => this.stop();
  close = async () => undefined;
}

let server: FakeCoordinator;
let host: FakeHost;
let said: FromExecutor[];
let workspace: string;
let executor: Executor;
let env: NodeJS.ProcessEnv;
const addresses: (string | undefined)[] = [];

const say: Channel['send'] = (message, done) => {
  said.push(fromExecutorSchema.parse(JSON.parse(JSON.stringify(message))));
  done?.();
};

const make = (limits: Parameters<typeof testLimits>[0] = {}): Executor =>
  new Executor({
    workspaceRoot: workspace,
    limits: testLimits(limits),
    env,
    outputs: plainOutputs(workspace),
    createHost: async (address) => {
      addresses.push(address?.url);
      return host;
    },
    channel: { send: say, sendSoon: say },
  });

beforeEach(async () => {
  server = await FakeCoordinator.start();
  server.handler = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (request.method === 'PUT') server.stored.set(request.url ?? '', body);
      const held = request.url === '/v1/cache-question' ? [...server.stored.keys()] : [];
      if (request.method === 'GET')
        sendArtifact(response, server.stored.get(request.url ?? '') ?? Buffer.alloc(0));
      else response.end(JSON.stringify({ held }));
    });
  };
  host = new FakeHost();
  said = [];
  addresses.length = 0;
  workspace = folder();
  env = { PATH: process.env['PATH'] };
  executor = make();
  await executor.start();
  executor.receive({ type: 'coordinator', url: server.url, token: 't' });
});
afterEach(async () => {
  await server.close();
});

function send(
  change: Partial<RunMessage> = {},
  spec: RunSpec = runOfTasks(['app:build', 'lib:build']),
): void {
  const specFile = join(workspace, 'run.json');
  writeFileSync(specFile, JSON.stringify(spec));
  const wanted = assignment('app:build', { hash: 'hash-app-build' });
  executor.receive(
    toExecutorSchema.parse({
      type: 'run',
      assignment: wanted,
      restore: [],
      awaiting: [],
      specFile,
      forwarded: {},
      restoreConcurrency: 2,
      agentName: 'agent-x',
      ...change,
    }),
  );
}
const result = (): Promise<AttemptResult> =>
  waitFor('a result', () => said.find((message) => message.type === 'result')?.result, {
    deadlineMs: 10_000,
    lastState: () => JSON.stringify(said),
  });
/** Outputs that are declared and not there. */
const NOTHING = summaryOf([]);
const uncached = (): RunSpec => {
  const spec = runOfTasks(['app:build']);
  return { ...spec, tasks: spec.tasks.map((task) => ({ ...task, cacheable: false })) };
};

it('is ready when Nx is, and takes the address of the coordinator when it comes', async () => {
  await waitFor('both hosts', () => addresses.length === 2);
  expect(said).toEqual([{ type: 'ready' }]);
  expect(addresses).toEqual([undefined, server.url]);
});

it('runs a task and says where Nx has stored it, without a request', async () => {
  let given: RunTaskRequest | null = null;
  host.run = async (request) => {
    given = request;
    request.onOutput?.('the output');
    return ended();
  };
  send();
  expect(await result()).toEqual({
    kind: 'finished',
    status: 'success',
    code: 0,
    fromCache: null,
    hash: 'hash-app-build',
    startMs: 10,
    endMs: 20,
    artifact: { kind: 'cache', hash: 'hash-app-build', outputs: NOTHING },
    reason: null,
    hashDetails: null,
  });
  expect(said.map(({ type }) => type)).toEqual(['ready', 'executing', 'output', 'result']);
  expect(given!).toMatchObject({
    task: { hash: 'hash-app-build', cache: true, overrides: { __overrides_unparsed__: [] } },
    fullTaskGraph: { roots: ['app:build'] },
    skipCacheRead: false,
  });
  expect(server.requests).toEqual([]);
});

it('says nothing of what lies in outputs that another task may have written into by now', async () => {
  const spec = runOfTasks(['app:build', 'lib:build']);
  const [app, lib] = spec.tasks;
  lib!.nxTask.outputs = [`${app!.nxTask.outputs[0]}/types`];
  send({}, spec);
  expect(await result()).toMatchObject({ artifact: { kind: 'cache', hash: 'hash-app-build' } });
  expect(await result()).not.toHaveProperty('artifact.outputs');
});

it('runs the tasks of a batch together and says of each how it ended and where it is', async () => {
  let given: RunBatchRequest | null = null;
  host.batch = async (request) => {
    given = request;
    const tasks = new Map([
      ['app:build', ended()],
      ['lib:build', ended({ status: 'failure', code: 2, hash: 'hash-app-build', store: { kind: 'none' } })],
      ['lib:pack', null],
    ]);
    return { tasks, log: 'Compiling', stopped: false, broken: undefined };
  };
  const members = [
    { taskId: 'app:build', hash: 'hash-app-build' },
    { taskId: 'lib:build', hash: null },
    { taskId: 'lib:pack', hash: null },
  ];
  const spec = runOfTasks(['app:build', 'lib:build', 'lib:pack', 'other:build']);
  Object.assign(host.projectGraph.nodes['lib']!.data.targets, { pack: {} });
  send({ assignment: { ...assignment('app:build', { hash: 'hash-app-build' }), members } }, spec);
  expect(await result()).toMatchObject({
    kind: 'batch',
    members: [
      { taskId: 'app:build', result: { status: 'success', artifact: { kind: 'cache' } } },
      {
        taskId: 'lib:build',
        result: { status: 'failure', code: 2, artifact: { kind: 'attempt', attempt: 1 } },
      },
      { taskId: 'lib:pack', result: null },
    ],
    log: 'Compiling',
  });
  expect([...server.stored.keys()]).toEqual([expect.stringContaining('lib')]);
  expect(given!.tasks.map(({ id, hash }) => [id, hash])).toEqual([
    ['app:build', 'hash-app-build'],
    ['lib:build', undefined],
    ['lib:pack', undefined],
  ]);
  expect(Object.keys(given!.fullTaskGraph.tasks)).toContain('other:build');
});

it('runs no task of a batch that has another hash here, and none that needs it', async () => {
  host.hash = 'another';
  const members = [
    { taskId: 'app:build', hash: 'hash-app-build' },
    { taskId: 'lib:build', hash: null },
  ];
  const spec = runOfTasks(['app:build', 'lib:build']);
  spec.tasks[1]!.dependencies = [{ id: 'app:build' }];
  send({ assignment: { ...assignment('app:build', { hash: 'hash-app-build' }), members } }, spec);
  expect(await result()).toMatchObject({
    kind: 'batch',
    members: [
      { taskId: 'app:build', result: { status: 'failure', reason: { code: 'DTE_HASH_MISMATCH' } } },
      { taskId: 'lib:build', result: null },
    ],
  });
});

it('runs nothing and stores nothing when its hash is another one', async () => {
  host.hash = 'another';
  host.run = () => Promise.reject(new Error('must not run'));
  send();
  expect(await result()).toMatchObject({
    kind: 'finished',
    status: 'failure',
    code: 1,
    hash: 'another',
    artifact: { kind: 'none' },
    reason: { code: 'DTE_HASH_MISMATCH', message: expect.stringContaining('hash-app-build') as string },
    hashDetails: {
      command: 'c',
      'app:ProjectConfiguration': '1',
      'env:STAGE': '2',
      'runtime:echo tool': '3',
    },
    drift: {
      agreed: 'hash-app-build',
      checkout: null,
      env: { STAGE: false },
      runtime: { 'echo tool': 'tool' },
    },
  });
  expect(server.requests).toEqual([]);
});

it('runs a task of another hash under that hash where the run only wants a warning', async () => {
  host.hash = 'another';
  let given: RunTaskRequest | null = null;
  host.run = async (request) => {
    given = request;
    return ended({ hash: 'another' });
  };
  send({}, runOfTasks(['app:build'], { onHashMismatch: 'warn' }));
  expect(await result()).toMatchObject({
    kind: 'finished',
    status: 'success',
    hash: 'another',
    artifact: { kind: 'cache', hash: 'another' },
    reason: null,
    drift: { agreed: 'hash-app-build' },
  });
  expect(given!).toMatchObject({ task: { hash: 'another' }, lookupRemote: true });
});

it('tells what hashes are made of up to a limit; the first tasks name the cause of the others', async () => {
  host.hash = 'another';
  host.nodes = Object.fromEntries(
    Array.from({ length: 9_000 }, (_, n) => [`npm:${'x'.repeat(200)}${n}`, '1']),
  );
  const details: unknown[] = [];
  for (const attempt of [1, 2, 3]) {
    said.length = 0;
    send({ assignment: assignment('app:build', { hash: 'hash-app-build', attempt }) });
    const it = await result();
    details.push(it.kind === 'finished' ? it.hashDetails : it);
  }
  expect(details.map((each) => each === null)).toEqual([false, false, true]);
});

it('makes the environment of a run that of the process before each of its tasks, of an executor that is connected anew too', async () => {
  const forwarded = { TOKEN: 's3cret', UNASKED: 'x' };
  const first = runOfTasks(['app:build'], { env: { PLAIN: 'p' }, forwardedEnv: ['TOKEN', 'NOT_SET'] });
  send({ forwarded }, first);
  await result();
  said.length = 0;
  const next = assignment('app:build', { hash: 'hash-app-build', runId: 'run-2' });
  executor.receive({ type: 'coordinator', url: 'http://127.0.0.1:1', token: 'another' });
  send({ assignment: next }, runOfTasks(['app:build'], { runId: 'run-2' }));
  await result();
  const values = { PLAIN: 'p', TOKEN: 's3cret', NOT_SET: undefined };
  expect(host.entered).toEqual([
    [first.runId, values],
    ['run-2', {}],
  ]);
});

it('leaves the hash of a task to Nx when none is agreed', async () => {
  host.run = async ({ task }) => ended({ hash: task.hash ?? 'computed' });
  send({ assignment: assignment('app:build', { hash: null }) });
  expect(await result()).toMatchObject({ hash: 'computed', artifact: { kind: 'cache', hash: 'computed' } });
});

it('sends an archive of a task that is not cached, and of one that failed, with its exit code and output', async () => {
  mkdirSync(join(workspace, 'dist/app'), { recursive: true });
  writeFileSync(join(workspace, 'dist/app/main.js'), 'main');
  host.run = async () => ended({ status: 'failure', code: 0, store: { kind: 'none' } });
  send({}, uncached());
  expect(await result()).toMatchObject({
    status: 'failure',
    code: 1,
    artifact: { kind: 'attempt', attempt: 1 },
  });
  expect([...server.stored.keys()]).toEqual(['/v1/runs/run-1/attempts/app%3Abuild/1']);
});

it('asks when Nx could not store, and sends an archive when the coordinator does not hold it', async () => {
  host.run = async () => ended({ store: { kind: 'declined' } });
  send();
  expect(await result()).toMatchObject({ artifact: { kind: 'attempt', attempt: 1 } });
  expect(server.requests).toEqual(['POST /v1/cache-question', 'PUT /v1/runs/run-1/attempts/app%3Abuild/1']);
});

it('believes the coordinator that it holds what Nx could not store', async () => {
  server.stored.set('hash-app-build', Buffer.from(''));
  host.run = async () => ended({ store: { kind: 'declined' } });
  send();
  expect(await result()).toMatchObject({ artifact: { kind: 'cache', hash: 'hash-app-build' } });
});

it('sends a success where what the coordinator holds may be a failure', async () => {
  server.stored.set('hash-app-build', Buffer.from(''));
  host.run = async () => ended({ store: { kind: 'declined' } });
  const { env } = process;
  process.env = { ...env, NX_CACHE_FAILURES: 'true' };
  try {
    send();
    expect(await result()).toMatchObject({ artifact: { kind: 'attempt', attempt: 1 } });
  } finally {
    process.env = env;
  }
});

it('sends what only its own cache had', async () => {
  host.run = async () => ended({ status: 'local-cache', cacheStatus: 'local-hit', store: { kind: 'none' } });
  send();
  expect(await result()).toMatchObject({
    status: 'success',
    fromCache: 'local-cache',
    artifact: { kind: 'cache' },
  });
});

it.each([
  ['the machine is in its way, which says nothing of the task', true, 'DTE_MACHINE_TROUBLE'],
  ['it refuses the task, which it would everywhere', false, 'DTE_NX_FAILED'],
])('hands the attempt back with what Nx says when %s', async (_when, byMachine, code) => {
  host.run = async () => ended({ status: 'failure', code: 1, broken: { why: 'sentence of Nx', byMachine } });
  send();
  const message = 'Nx could not run app:build on this agent: sentence of Nx';
  expect(await result()).toEqual({ kind: 'returned', reason: { code, message } });
});

it('takes a hasher of the workspace that throws for a refusal of Nx', async () => {
  host.hashTask = () => Promise.reject(new Error('no hash today'));
  send();
  expect(await result()).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_NX_FAILED', message: expect.stringContaining('no hash today') as string },
  });
});

it('hands the attempt back when the coordinator cannot store it', async () => {
  server.handler = (request, response) =>
    void text(request).then(() => response.writeHead(507, { 'x-dte-error': 'DTE_DISK_FULL' }).end('full'));
  send({}, uncached());
  expect(await result()).toEqual({ kind: 'returned', reason: { code: 'DTE_DISK_FULL', message: 'full' } });
});

it('hands back a task that its project graph does not have', async () => {
  send({ assignment: assignment('ghost:build') }, runOfTasks(['ghost:build']));
  expect(await result()).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_UNKNOWN_TASK', message: expect.stringContaining('project ghost') as string },
  });
});

const emptyArchive = (): Readable =>
  packAttempt({
    workspaceRoot: workspace,
    outputs: [],
    port: plainOutputs(workspace),
    limits: testLimits({}),
    terminalOutput: '',
    meta: { taskId: 'lib:build', hash: '5', code: 0, status: 'success' },
  });

/** As Nx packs a task without outputs: what it printed, and its exit code. */
function emptyNxArchive(): Promise<Buffer> {
  const archive = tar.pack();
  archive.entry({ name: 'terminalOutput' }, '');
  archive.entry({ name: 'code' }, Buffer.alloc(4));
  archive.finalize();
  return buffer(archive.pipe(createGzip()));
}

describe('a dependency', () => {
  const cached: ClosureEntry = { taskId: 'lib:build', hash: '5', artifact: { kind: 'cache', hash: '5' } };

  it('is restored by its hash before the task runs', async () => {
    send({ restore: [cached] });
    await result();
    expect(host.restored).toEqual(['lib:build 5']);
    expect(said.map(({ type }) => type)).toEqual(['ready', 'restored', 'executing', 'result']);
    expect(said[1]).toMatchObject({ taskId: 'lib:build', ok: true, outputs: ['dist/lib'] });
  });

  it('that cannot be fetched costs the attempt', async () => {
    host.fetched = { kind: 'miss' };
    send({ restore: [cached] });
    expect(await result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_ARTIFACT_MISSING' } });
    expect(said[1]).toMatchObject({ type: 'restored', ok: false });
  });

  it.each([
    ['a cache', { kind: 'cache', hash: '5' }],
    ['an attempt', { kind: 'attempt', attempt: 1 }],
  ] as const)('that does not arrive from %s as it was made costs the attempt', async (_, from) => {
    const other = { ...NOTHING, digest: 'a'.repeat(64) };
    host.fetched = {
      kind: 'remote',
      entry: { code: 0, terminalOutput: '', outputsPath: '' },
      outputs: NOTHING,
    };
    // What is stored under either name: nothing at all was made.
    const archive = from.kind === 'cache' ? await emptyNxArchive() : await buffer(emptyArchive());
    server.handler = (request, response) => void sendArtifact(response, archive);
    send(
      { restore: [{ ...cached, artifact: { ...from, outputs: other } }] },
      runOfTasks(['app:build', 'lib:build']),
    );
    expect(await result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_OUTPUTS_DIFFER' } });
    expect(said[1]).toMatchObject({ type: 'restored', ok: false });
  });

  it('that a cache knows as a failure costs the attempt', async () => {
    host.fetched = { kind: 'remote', entry: { code: 1, terminalOutput: '', outputsPath: '' } };
    send({ restore: [cached] });
    expect(await result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_ARTIFACT_MISSING' } });
  });

  it('is extracted from the archive of its attempt', async () => {
    mkdirSync(join(workspace, 'dist/lib'), { recursive: true });
    writeFileSync(join(workspace, 'dist/lib/main.js'), 'from the archive');
    host.run = async () => ended({ store: { kind: 'none' } });
    const spec = uncached();
    send(
      { assignment: assignment('lib:build', { hash: null }) },
      { ...spec, tasks: runOfTasks(['lib:build']).tasks.map((task) => ({ ...task, cacheable: false })) },
    );
    await result();
    said.length = 0;
    host.run = async () => ended();
    writeFileSync(join(workspace, 'dist/lib/main.js'), 'stale');
    writeFileSync(join(workspace, 'dist/lib/extra.js'), 'stale');
    const artifact = { kind: 'attempt', attempt: 1 } as const;
    send(
      {
        assignment: assignment('app:build', { runId: 'run-2', hash: 'hash-app-build' }),
        restore: [{ ...cached, artifact }],
      },
      runOfTasks(['app:build', 'lib:build'], { runId: 'run-1' }),
    );
    expect(await result()).toMatchObject({ kind: 'finished' });
    expect(readFileSync(join(workspace, 'dist/lib/main.js'), 'utf8')).toBe('from the archive');
    expect(existsSync(join(workspace, 'dist/lib/extra.js'))).toBe(false);
  });

  it.each([
    [true, []],
    [false, ['lib:build 5']],
  ])('that another executor restores is awaited; done there: %s', async (ok, restoredHere) => {
    send({ awaiting: [cached] });
    executor.receive({ type: 'elsewhere', taskId: 'lib:build', ok });
    await result();
    expect(host.restored).toEqual(restoredHere);
  });
});

it('ends a running task when told to, and only the one that is meant', async () => {
  let stopped = false;
  host.run = () =>
    new Promise((resolve) => {
      host.stop = () => {
        stopped = true;
        resolve(ended({ stopped: true }));
      };
    });
  send();
  await waitFor('the task to run', () => said.some(({ type }) => type === 'executing'));
  executor.receive({ type: 'stop', ref: { runId: 'run-1', taskId: 'app:build', attempt: 9 }, graceMs: 1 });
  expect(stopped).toBe(false);
  executor.receive({ type: 'stop', ref: { runId: 'run-1', taskId: 'app:build', attempt: 1 }, graceMs: 1 });
  expect(await result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_CANCELLED' } });
});

describe('a batch whose tasks may run only so long', () => {
  const MEMBERS = ['app:build', 'lib:build', 'lib:pack'].map((taskId) => ({ taskId, hash: null }));
  const spec = (timeouts: Record<string, number>): RunSpec => {
    const run = runOfTasks(MEMBERS.map(({ taskId }) => taskId));
    return { ...run, tasks: run.tasks.map((task) => ({ ...task, timeoutMs: timeouts[task.id] })) };
  };
  const sendBatch = (timeouts: Record<string, number>): void => {
    Object.assign(host.projectGraph.nodes['lib']!.data.targets, { pack: {} });
    send({ assignment: { ...assignment('app:build', { hash: null }), members: MEMBERS } }, spec(timeouts));
  };
  const executing = () => said.flatMap((each) => (each.type === 'executing' ? [each.timeoutMs] : []));

  it('is ended after the sum of it: what had ended counts, the others have failed', async () => {
    host.batch = (request) =>
      new Promise((resolve) => {
        const tasks = new Map([['app:build', ended()]]);
        host.stop = () => resolve({ tasks, log: 'Compiling', stopped: true, broken: undefined });
        request.onWorking?.(true);
      });
    sendBatch({ 'app:build': 10, 'lib:build': 10, 'lib:pack': 20 });
    const timedOut = {
      status: 'failure',
      reason: {
        code: 'DTE_TASK_TIMEOUT',
        message: expect.stringContaining(
          'its batch of 3 exceeded the total time limit of its tasks on agent-x',
        ) as string,
      },
    };
    expect(await result()).toMatchObject({
      members: [
        { result: { status: 'success', reason: null, artifact: { kind: 'cache' } } },
        { result: { ...timedOut, artifact: { kind: 'attempt', attempt: 1 } } },
        { result: timedOut },
      ],
      log: 'Compiling',
    });
    expect(executing()).toEqual([undefined, 40]);
  });

  it('may take all the time it needs between two processes of its executor, and after them', async () => {
    let stops = 0;
    host.stop = () => stops++;
    host.batch = async ({ onWorking }) => {
      for (const part of [1, 2]) {
        onWorking?.(true);
        onWorking?.(false);
        await new Promise((resolve) => setTimeout(resolve, 60 * part));
      }
      return { tasks: new Map([['app:build', ended()]]), log: '', stopped: false, broken: undefined };
    };
    sendBatch({ 'app:build': 10, 'lib:build': 10, 'lib:pack': 10 });
    expect(await result()).toMatchObject({
      members: [{ result: { status: 'success' } }, { result: null }, { result: null }],
    });
    expect(stops).toBe(0);
    expect(said.filter(({ type }) => type === 'ran')).toHaveLength(2);
  });

  it('has no limit when one of them has none', async () => {
    host.batch = async ({ onWorking }) => {
      onWorking?.(true);
      return { tasks: new Map(), log: '', stopped: false, broken: undefined };
    };
    sendBatch({ 'app:build': 10, 'lib:build': 10 });
    await result();
    expect(executing()).toEqual([undefined]);
  });
});

describe('a task that may run only so long', () => {
  const limited = (timeoutMs: number): RunSpec => {
    const spec = runOfTasks(['app:build']);
    return { ...spec, tasks: spec.tasks.map((task) => ({ ...task, timeoutMs })) };
  };
  const untilStopped = (change: Partial<TaskRun>) => () =>
    new Promise<TaskRun>((resolve) => {
      host.stop = () => resolve(ended({ stopped: true, store: { kind: 'none' }, ...change }));
    });

  it.each([
    ['dies of the signal', { status: 'failure', code: 143 }, 143],
    ['takes it for a reason to end well', { status: 'success', code: 0 }, 1],
  ] as const)('and runs on is ended and has failed when it %s', async (_what, change, code) => {
    host.run = untilStopped(change);
    send({}, limited(20));
    expect(await result()).toMatchObject({
      kind: 'finished',
      status: 'failure',
      code,
      artifact: { kind: 'attempt', attempt: 1 },
      reason: {
        code: 'DTE_TASK_TIMEOUT',
        message:
          'app:build ran on agent-x for longer than 20 ms (option taskTimeoutMs) and was stopped together with its child processes.',
      },
    });
    expect(said.map(({ type }) => type)).toEqual(['ready', 'executing', 'ran', 'result']);
    expect(said[1]).toMatchObject({ timeoutMs: 20 });
  });

  it('may take all the time it needs to be stored', async () => {
    let stops = 0;
    host.stop = () => stops++;
    host.run = async (request) => {
      request.onStoring?.();
      await waitFor('the message that it ran', () => said.some(({ type }) => type === 'ran'));
      await new Promise((resolve) => setTimeout(resolve, 60));
      return ended();
    };
    send({}, limited(30));
    expect(await result()).toMatchObject({ status: 'success', reason: null });
    expect(stops).toBe(0);
    expect(said.filter(({ type }) => type === 'ran')).toHaveLength(1);
  });

  it('has not run too long at once when that is longer than a timer can be set for', async () => {
    let stops = 0;
    host.stop = () => stops++;
    host.run = async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return ended();
    };
    send({}, limited(2 ** 40));
    expect(await result()).toMatchObject({ status: 'success', reason: null });
    expect(stops).toBe(0);
  });

  it('and is cancelled meanwhile is handed back', async () => {
    host.run = untilStopped({ status: 'failure' });
    send({}, limited(60_000));
    await waitFor('the task to run', () => said.some(({ type }) => type === 'executing'));
    executor.receive({ type: 'stop', ref: { runId: 'run-1', taskId: 'app:build', attempt: 1 }, graceMs: 1 });
    expect(await result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_CANCELLED' } });
  });
});

it('asks no cache for a task that has failed, and keeps a failure out of the cache while it may be tried again', async () => {
  const given: RunTaskRequest[] = [];
  host.run = async (request) => {
    given.push(request);
    return ended({ status: 'failure', code: 1, store: { kind: 'none' } });
  };
  const wanted = assignment('app:build', { hash: 'hash-app-build', retry: { failed: 1, left: 2 } });
  send({ assignment: wanted });
  expect(await result()).toMatchObject({ status: 'failure', artifact: { kind: 'attempt' } });
  expect(given).toMatchObject([{ rerun: true, skipCacheRead: false, storeFailure: false }]);
});

it('lets Nx store the last failure of a task, and sends what it has left', async () => {
  const given: RunTaskRequest[] = [];
  host.run = async (request) => {
    given.push(request);
    return ended({ status: 'failure', code: 1 });
  };
  send({ assignment: assignment('app:build', { hash: 'hash-app-build', retry: { failed: 1, left: 0 } }) });
  expect(await result()).toMatchObject({ status: 'failure', artifact: { kind: 'attempt' } });
  expect(given).toMatchObject([{ rerun: true, skipCacheRead: false, storeFailure: true }]);
});
