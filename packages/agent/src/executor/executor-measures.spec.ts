import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { packAttempt } from '@org/dte-client';
import { HTTP, type Measured } from '@org/dte-protocol';
import { assignment, plainOutputs, runOfTasks, tempFolders, testLimits } from '@org/dte-testing';
import { ExecutorBench, ended } from './test-support/executor-bench';

const folder = tempFolders();
let bench: ExecutorBench;
beforeEach(async () => (bench = await ExecutorBench.start(folder())));
afterEach(() => bench.server.close());

/** How long the phases of these tests take at least; timers may fire a millisecond early. */
const PHASE_MS = 40;
const LEAST_MS = PHASE_MS - 2;

async function measured(): Promise<Measured> {
  const result = await bench.result();
  if (result.kind !== 'finished' || result.measured === undefined) throw new Error(JSON.stringify(result));
  return result.measured;
}

const fetched: ExecutorBench['host']['fetched'] = {
  kind: 'remote',
  entry: { code: 0, terminalOutput: '', outputsPath: '' },
};

it('measures queueing, restoring, running and storing, which add up to less than the whole', async () => {
  const begunMs = performance.now();
  bench.host.restore = async () => {
    await delay(PHASE_MS);
    return fetched;
  };
  bench.host.run = async ({ onStoring }) => {
    await delay(PHASE_MS);
    onStoring?.();
    await delay(PHASE_MS);
    return ended();
  };
  const restore = [{ taskId: 'lib:build', hash: '5', artifact: { kind: 'cache' as const, hash: '5' } }];
  bench.send({ restore, receivedMs: Date.now() - 1000 });
  const { queuedMs, restoreMs, waitMs = NaN, runMs, storeMs } = await measured();
  expect(queuedMs).toBeGreaterThanOrEqual(1000);
  for (const ms of [restoreMs, runMs, storeMs]) expect(ms).toBeGreaterThanOrEqual(LEAST_MS);
  // Each of the five is rounded.
  expect(queuedMs - 1000 + restoreMs + waitMs + runMs + storeMs).toBeLessThanOrEqual(
    performance.now() - begunMs + 3,
  );
});

it('counts what is downloaded for the attempt, and says nothing about the use of a cache hit', async () => {
  const archive = await buffer(
    packAttempt({
      workspaceRoot: bench.workspace,
      outputs: [],
      port: plainOutputs(bench.workspace),
      limits: testLimits({}),
      terminalOutput: '',
      meta: { taskId: 'lib:build', hash: '5', code: 0, status: 'success' },
    }),
  );
  bench.server.stored.set(HTTP.attempt('run-1', 'lib:build', 1), archive);
  bench.host.run = async () => ended({ cacheStatus: 'remote-hit' });
  const artifact = { kind: 'attempt' as const, attempt: 1 };
  bench.send({ restore: [{ taskId: 'lib:build', hash: '5', artifact }] });
  expect(await measured()).toMatchObject({
    restoredBytes: archive.length,
    cpuMs: null,
    peakMemoryBytes: null,
  });
});

it('knows of the tasks of a batch when each ran, and counts what they did together once', async () => {
  bench.host.batch = async () => ({
    tasks: new Map([
      ['app:build', ended({ startMs: 1000, endMs: 1300 })],
      ['lib:build', ended({ startMs: 1100, endMs: 1900, store: { kind: 'none' } })],
    ]),
    log: '',
    stopped: false,
    broken: undefined,
  });
  const members = ['app:build', 'lib:build'].map((taskId) => ({ taskId, hash: null }));
  bench.send({ assignment: { ...assignment('app:build'), members }, receivedMs: Date.now() - 1000 });
  const result = await bench.result();
  const [app, lib] = result.kind === 'batch' ? result.members.map((each) => each.result?.measured) : [];
  expect(app).toMatchObject({ runMs: 300, cpuMs: null, peakMemoryBytes: null, batched: true });
  expect(app?.queuedMs).toBeGreaterThanOrEqual(1000);
  expect(lib).toMatchObject({ queuedMs: 0, restoreMs: 0, waitMs: 0, runMs: 800, batched: true });
});

it('measures nothing of a task that did not get as far as running', async () => {
  bench.host.hash = 'another';
  bench.send({}, runOfTasks(['app:build']));
  expect(await bench.result()).not.toHaveProperty('measured');
});
