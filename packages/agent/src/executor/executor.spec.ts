import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type RunTaskRequest } from '@org/dte-nx-compat';
import { assignment, runOfTasks, tempFolders, waitFor } from '@org/dte-testing';
import { ExecutorBench, ended, NOTHING, uncached } from './test-support/executor-bench';

const folder = tempFolders();
let bench: ExecutorBench;
beforeEach(async () => (bench = await ExecutorBench.start(folder())));
afterEach(() => bench.server.close());

it('is ready when Nx is loaded, and accepts the address of the coordinator later', async () => {
  await waitFor('both hosts', () => bench.addresses.length === 2);
  expect(bench.said).toEqual([{ type: 'ready', graph: null }]);
  expect(bench.addresses).toEqual([undefined, bench.server.url]);
});

it('runs a task and reports where Nx has stored it, without a request', async () => {
  let given: RunTaskRequest | null = null;
  bench.host.run = async (request) => {
    given = request;
    request.onOutput?.('the output');
    return ended();
  };
  bench.send();
  expect(await bench.result()).toEqual({
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
    measured: expect.objectContaining({ restoredBytes: 0, storedBytes: 0 }) as unknown,
  });
  expect(bench.said.map(({ type }) => type)).toEqual(['ready', 'executing', 'output', 'result']);
  expect(given!).toMatchObject({
    task: { hash: 'hash-app-build', cache: true, overrides: { __overrides_unparsed__: [] } },
    fullTaskGraph: { roots: ['app:build'] },
    skipCacheRead: false,
  });
  expect(bench.server.requests).toEqual([]);
});

it('reports nothing about outputs that another task may have changed since', async () => {
  const spec = runOfTasks(['app:build', 'lib:build']);
  const [app, lib] = spec.tasks;
  lib!.nxTask.outputs = [`${app!.nxTask.outputs[0]}/types`];
  bench.send({}, spec);
  expect(await bench.result()).toMatchObject({ artifact: { kind: 'cache', hash: 'hash-app-build' } });
  expect(await bench.result()).not.toHaveProperty('artifact.outputs');
});

it('runs nothing and stores nothing when it computes another hash', async () => {
  bench.host.hash = 'another';
  bench.host.run = () => Promise.reject(new Error('must not run'));
  bench.send();
  expect(await bench.result()).toMatchObject({
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
  expect(bench.server.requests).toEqual([]);
});

it('runs a task with another hash under that hash if the run only wants a warning', async () => {
  bench.host.hash = 'another';
  let given: RunTaskRequest | null = null;
  bench.host.run = async (request) => {
    given = request;
    return ended({ hash: 'another' });
  };
  bench.send({}, runOfTasks(['app:build'], { onHashMismatch: 'warn' }));
  expect(await bench.result()).toMatchObject({
    kind: 'finished',
    status: 'success',
    hash: 'another',
    artifact: { kind: 'cache', hash: 'another' },
    reason: null,
    drift: { agreed: 'hash-app-build' },
  });
  expect(given!).toMatchObject({ task: { hash: 'another' }, lookupRemote: true });
});

it('reports the inputs of hashes up to a limit; the first tasks name the cause of the others', async () => {
  bench.host.hash = 'another';
  bench.host.nodes = Object.fromEntries(
    Array.from({ length: 9_000 }, (_, n) => [`npm:${'x'.repeat(200)}${n}`, '1']),
  );
  const details: unknown[] = [];
  for (const attempt of [1, 2, 3]) {
    bench.said.length = 0;
    bench.send({ assignment: assignment('app:build', { hash: 'hash-app-build', attempt }) });
    const it = await bench.result();
    details.push(it.kind === 'finished' ? it.hashDetails : it);
  }
  expect(details.map((each) => each === null)).toEqual([false, false, true]);
});

it('sets the environment of the run in the process before each of its tasks, also after a reconnect', async () => {
  const forwarded = { TOKEN: 's3cret', UNASKED: 'x' };
  const first = runOfTasks(['app:build'], { env: { PLAIN: 'p' }, forwardedEnv: ['TOKEN', 'NOT_SET'] });
  bench.send({ forwarded }, first);
  await bench.result();
  bench.said.length = 0;
  const next = assignment('app:build', { hash: 'hash-app-build', runId: 'run-2' });
  bench.executor.receive({ type: 'coordinator', url: 'http://127.0.0.1:1', token: 'another' });
  bench.send({ assignment: next }, runOfTasks(['app:build'], { runId: 'run-2' }));
  await bench.result();
  const values = { PLAIN: 'p', TOKEN: 's3cret', NOT_SET: undefined };
  expect(bench.host.entered).toEqual([
    [first.runId, values],
    ['run-2', {}],
  ]);
});

it('lets Nx compute the hash of a task when the run has none', async () => {
  bench.host.run = async ({ task }) => ended({ hash: task.hash ?? 'computed' });
  bench.send({ assignment: assignment('app:build', { hash: null }) });
  expect(await bench.result()).toMatchObject({
    hash: 'computed',
    artifact: { kind: 'cache', hash: 'computed' },
  });
});

it('uploads an archive of a task that is not cached, and of a failed task, with its exit code and output', async () => {
  mkdirSync(join(bench.workspace, 'dist/app'), { recursive: true });
  writeFileSync(join(bench.workspace, 'dist/app/main.js'), 'main');
  bench.host.run = async () => ended({ status: 'failure', code: 0, store: { kind: 'none' } });
  bench.send({}, uncached());
  expect(await bench.result()).toMatchObject({
    status: 'failure',
    code: 1,
    artifact: { kind: 'attempt', attempt: 1 },
  });
  expect([...bench.server.stored.keys()]).toEqual(['/v1/runs/run-1/attempts/app%3Abuild/1']);
});

it('asks the coordinator when Nx could not store, and uploads an archive if the coordinator has none', async () => {
  bench.host.run = async () => ended({ store: { kind: 'declined' } });
  bench.send();
  expect(await bench.result()).toMatchObject({ artifact: { kind: 'attempt', attempt: 1 } });
  expect(bench.server.requests).toEqual([
    'POST /v1/cache-question',
    'PUT /v1/runs/run-1/attempts/app%3Abuild/1',
  ]);
});

it('uploads nothing if the coordinator already has what Nx could not store', async () => {
  bench.server.stored.set('hash-app-build', Buffer.from(''));
  bench.host.run = async () => ended({ store: { kind: 'declined' } });
  bench.send();
  expect(await bench.result()).toMatchObject({ artifact: { kind: 'cache', hash: 'hash-app-build' } });
});

it('uploads a success if the artifact of the coordinator may be a failure', async () => {
  bench.server.stored.set('hash-app-build', Buffer.from(''));
  bench.host.run = async () => ended({ store: { kind: 'declined' } });
  const { env } = process;
  process.env = { ...env, NX_CACHE_FAILURES: 'true' };
  try {
    bench.send();
    expect(await bench.result()).toMatchObject({ artifact: { kind: 'attempt', attempt: 1 } });
  } finally {
    process.env = env;
  }
});

it('uploads what only its own cache had', async () => {
  bench.host.run = async () =>
    ended({ status: 'local-cache', cacheStatus: 'local-hit', store: { kind: 'none' } });
  bench.send();
  expect(await bench.result()).toMatchObject({
    status: 'success',
    fromCache: 'local-cache',
    artifact: { kind: 'cache' },
  });
});

it.each([
  ['the machine causes the error, not the task', true, 'DTE_MACHINE_TROUBLE'],
  ['it rejects the task, as on every machine', false, 'DTE_NX_FAILED'],
])("returns the attempt with Nx's message when %s", async (_when, byMachine, code) => {
  bench.host.run = async () =>
    ended({ status: 'failure', code: 1, broken: { why: 'sentence of Nx', byMachine } });
  bench.send();
  const message = 'Nx could not run app:build on this agent: sentence of Nx';
  expect(await bench.result()).toEqual({ kind: 'returned', reason: { code, message } });
});

it('treats an error of a custom hasher as an error of Nx', async () => {
  bench.host.hashTask = () => Promise.reject(new Error('no hash today'));
  bench.send();
  expect(await bench.result()).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_NX_FAILED', message: expect.stringContaining('no hash today') as string },
  });
});

it('returns the attempt when the coordinator cannot store it', async () => {
  bench.server.handler = (request, response) =>
    void text(request).then(() => response.writeHead(507, { 'x-dte-error': 'DTE_DISK_FULL' }).end('full'));
  bench.send({}, uncached());
  expect(await bench.result()).toEqual({
    kind: 'returned',
    reason: { code: 'DTE_DISK_FULL', message: 'full' },
  });
});

it('returns a task that its project graph does not have', async () => {
  bench.send({ assignment: assignment('ghost:build') }, runOfTasks(['ghost:build']));
  expect(await bench.result()).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_UNKNOWN_TASK', message: expect.stringContaining('project ghost') as string },
  });
});

it('asks no cache for a task that has failed, and keeps a failure out of the cache while the task may be retried', async () => {
  const given: RunTaskRequest[] = [];
  bench.host.run = async (request) => {
    given.push(request);
    return ended({ status: 'failure', code: 1, store: { kind: 'none' } });
  };
  const wanted = assignment('app:build', { hash: 'hash-app-build', retry: { failed: 1, left: 2 } });
  bench.send({ assignment: wanted });
  expect(await bench.result()).toMatchObject({ status: 'failure', artifact: { kind: 'attempt' } });
  expect(given).toMatchObject([{ rerun: true, skipCacheRead: false, storeFailure: false }]);
});

it('lets Nx store the last failure of a task, and uploads its outputs', async () => {
  const given: RunTaskRequest[] = [];
  bench.host.run = async (request) => {
    given.push(request);
    return ended({ status: 'failure', code: 1 });
  };
  bench.send({
    assignment: assignment('app:build', { hash: 'hash-app-build', retry: { failed: 1, left: 0 } }),
  });
  expect(await bench.result()).toMatchObject({ status: 'failure', artifact: { kind: 'attempt' } });
  expect(given).toMatchObject([{ rerun: true, skipCacheRead: false, storeFailure: true }]);
});
