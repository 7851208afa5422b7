import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { extractAttempt } from '@org/dte-client';
import { type AttemptResult, type ClosureEntry, HTTP } from '@org/dte-protocol';
import { assignment, plainOutputs, runOfTasks, tempFolders, testLimits, waitFor } from '@org/dte-testing';
import { refOf } from './ipc';
import { ended, ExecutorBench, uncached } from './test-support/executor-bench';

const folder = tempFolders();
let bench: ExecutorBench;
beforeEach(async () => (bench = await ExecutorBench.start(folder())));
afterEach(() => bench.server.close());

const ref = refOf(assignment('app:build'));
const said = () => bench.said.map(({ type }) => type);
const prepared = () => waitFor('it to be prepared', () => said().includes('prepared'));

it('restores and checks the hash before it has a slot, and runs only then', async () => {
  let ran = 0;
  bench.host.run = async () => {
    ran++;
    return ended();
  };
  const lib: ClosureEntry = { taskId: 'lib:build', hash: '5', artifact: { kind: 'cache', hash: '5' } };
  bench.send({ waits: true, restore: [lib] });
  await prepared();
  expect(said()).toEqual(['ready', 'restored', 'prepared']);
  expect(ran).toBe(0);
  // What another task has replaced since is restored again.
  bench.executor.receive({ type: 'go', ref, restore: [lib], awaiting: [] });
  expect(await bench.result()).toMatchObject({ kind: 'finished', status: 'success' });
  expect(said()).toEqual(['ready', 'restored', 'prepared', 'restored', 'executing', 'result']);
  expect(bench.host.restored).toEqual(['lib:build 5', 'lib:build 5']);
});

it('needs no slot to report that its hash differs', async () => {
  bench.host.hash = 'another';
  bench.send({ waits: true });
  expect(await bench.result()).toMatchObject({ reason: { code: 'DTE_HASH_MISMATCH' } });
  expect(said()).not.toContain('prepared');
});

it('does not take the go of another attempt for its own', async () => {
  bench.send({ waits: true });
  await prepared();
  bench.executor.receive({ type: 'go', ref: { ...ref, attempt: 2 }, restore: [], awaiting: [] });
  bench.executor.receive({ type: 'stop', ref, graceMs: 1 });
  expect(await bench.result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_CANCELLED' } });
  expect(said()).not.toContain('executing');
});

/** Its outputs, in the archive that the executor has sent. */
async function storedFiles(): Promise<string[]> {
  const there = folder();
  const archive = bench.server.stored.get(HTTP.attempt('run-1', 'app:build', 1)) ?? Buffer.alloc(0);
  await extractAttempt({
    source: Readable.from([archive]),
    workspaceRoot: there,
    taskId: 'app:build',
    outputs: ['dist/app'],
    port: plainOutputs(there),
    terminalOutput: 'skip',
    limits: testLimits({}),
    format: 'attempt',
  });
  return readdirSync(join(there, 'dist/app'));
}

it('does not let the next command run before what its own has made is stored', async () => {
  const made = join(bench.workspace, 'dist/app');
  // What the next one may do: with one slot, it runs after this one.
  bench.onFreed = () => rmSync(join(bench.workspace, 'dist'), { recursive: true });
  bench.host.run = async () => {
    mkdirSync(made, { recursive: true });
    writeFileSync(join(made, 'out.js'), 'made');
    return ended({ store: { kind: 'none' } });
  };
  bench.send({}, uncached());
  expect(await bench.result()).toMatchObject({ status: 'success', artifact: { kind: 'attempt' } });
  expect(await storedFiles()).toEqual(['out.js']);
});

/** As Nx: copies the outputs to its cache and sends the copy. What comes next replaces the outputs as soon as it may. */
function storesByNx(): void {
  const made = join(bench.workspace, 'dist/app');
  const entry = folder();
  bench.onFreed = () => writeFileSync(join(made, 'out.js'), 'changed');
  bench.host.run = async ({ onStoring }) => {
    for (const path of [made, join(entry, 'dist/app')]) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'out.js'), 'made');
    }
    onStoring?.();
    const upload = { hash: 'hash-app-build', folder: entry, terminalOutput: '', code: 0 };
    const isStored = await bench.writer?.store(upload);
    return ended({ store: { kind: isStored === true ? 'stored' : 'declined' } });
  };
}

const artifactOf = (result: AttemptResult) => (result.kind === 'finished' ? result.artifact : result);

it('lets the next command run while a copy of its outputs is sent, and reports them as they were', async () => {
  storesByNx();
  bench.onFreed = () => undefined;
  // An attempt after the first does not say so.
  bench.send({ assignment: assignment('app:build', { hash: 'hash-app-build', attempt: 2 }) });
  const expected = artifactOf(await bench.result());
  expect(said()).not.toContain('freed');
  expect(expected).toMatchObject({
    kind: 'cache',
    outputs: { entries: expect.any(Number) as unknown, bytes: 4 },
  });
  bench.said.splice(1);
  storesByNx();
  bench.send();
  expect(artifactOf(await bench.result())).toEqual(expected);
  expect(said()).toEqual(['ready', 'executing', 'freed', 'result']);
  expect(bench.said[2]).toMatchObject({ outputs: ['dist/app'] });
});

it('lets the next command run while a copy is sent by an attempt whose predecessors were taken back before they began', async () => {
  storesByNx();
  bench.send({ assignment: assignment('app:build', { hash: 'hash-app-build', attempt: 2, unbegun: true }) });
  expect(artifactOf(await bench.result())).toMatchObject({ kind: 'cache', outputs: { bytes: 4 } });
  expect(said()).toEqual(['ready', 'executing', 'freed', 'result']);
});

it('lets the next command run while a copy is sent of a task whose hash nobody knew before it ran', async () => {
  storesByNx();
  bench.send({ assignment: assignment('app:build', { hash: null }) });
  expect(artifactOf(await bench.result())).toMatchObject({ kind: 'cache', outputs: { bytes: 4 } });
  expect(said()).toEqual(['ready', 'executing', 'freed', 'result']);
});

it.each([
  ["sends Nx's own copy again if the first time fails: others may have changed the disk", true],
  ['does not store what others may have changed if no copy is taken: the next attempt does', false],
])('%s', async (_, isTaken) => {
  storesByNx();
  bench.host.uploadsAgain = isTaken;
  bench.server.handler = (request, response) => {
    request.resume();
    const isCopy = request.method === 'PUT' && (request.url ?? '').startsWith(HTTP.cache(''));
    if (isCopy) response.writeHead(409, { 'x-dte-error': 'DTE_ARTIFACT_EXISTS' }).end();
    else response.end(JSON.stringify({ held: [] }));
  };
  bench.send();
  const taken = { status: 'success', artifact: { kind: 'cache', outputs: { bytes: 4 } } };
  const returned = { kind: 'returned', reason: { code: 'DTE_ARTIFACT_INCOMPLETE' } };
  expect(await bench.result()).toMatchObject(isTaken ? taken : returned);
});

it('does not let the next command run while Nx stores the outputs', async () => {
  bench.host.run = async ({ onStoring }) => {
    onStoring?.();
    expect(said()).toEqual(['ready', 'executing']);
    return ended();
  };
  bench.send();
  expect(await bench.result()).toMatchObject({ status: 'success' });
});

it('checks the hash again when it gets a slot, because of the outputs of dependencies', async () => {
  const spec = runOfTasks(['app:build', 'lib:build']);
  const depends = { dependencies: [{ id: 'lib:build', kind: 'explicit' as const }] };
  const tasks = spec.tasks.map((task) => (task.id === 'app:build' ? { ...task, ...depends } : task));
  bench.send({ waits: true }, { ...spec, tasks });
  await prepared();
  bench.host.hash = 'another';
  bench.executor.receive({ type: 'go', ref, restore: [], awaiting: [] });
  expect(await bench.result()).toMatchObject({ reason: { code: 'DTE_HASH_MISMATCH' } });
  expect(said()).not.toContain('executing');
});

it('says that its slot is free when the command has ended, if it has no outputs', async () => {
  const spec = runOfTasks(['app:build']);
  const tasks = spec.tasks.map((task) => ({ ...task, nxTask: { ...task.nxTask, outputs: [] } }));
  bench.host.run = async ({ onStoring }) => {
    onStoring?.();
    expect(said()).toEqual(['ready', 'executing', 'freed']);
    return ended();
  };
  bench.send({}, { ...spec, tasks });
  expect(await bench.result()).toMatchObject({ status: 'success' });
  expect(said().filter((type) => type === 'freed')).toHaveLength(1);
});

it('counts the wait for a slot as queueing', async () => {
  bench.send({ waits: true });
  await prepared();
  const sinceMs = performance.now();
  await waitFor('some time to pass', () => performance.now() - sinceMs > 60);
  bench.executor.receive({ type: 'go', ref, restore: [], awaiting: [] });
  const result = await bench.result();
  const measured = result.kind === 'finished' ? result.measured : undefined;
  expect(measured?.queuedMs).toBeGreaterThanOrEqual(50);
  expect(measured?.waitMs).toBeLessThan(50);
});
