import { type ClosureEntry } from '@org/dte-protocol';
import { assignment, tempFolders, waitFor } from '@org/dte-testing';
import { refOf } from './ipc';
import { ended, ExecutorBench } from './test-support/executor-bench';

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
  expect(said()).toEqual(['ready', 'restored', 'prepared', 'restored', 'executing', 'freed', 'result']);
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

it('says that its slot is free when the command has ended, before it stores the result', async () => {
  bench.host.run = async ({ onStoring }) => {
    onStoring?.();
    expect(said()).toEqual(['ready', 'executing', 'freed']);
    return ended();
  };
  bench.send();
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
