import { type TaskRun } from '@org/dte-nx-compat';
import { type RunSpec } from '@org/dte-protocol';
import { runOfTasks, tempFolders, waitFor } from '@org/dte-testing';
import { ExecutorBench, ended } from './test-support/executor-bench';

const folder = tempFolders();
let bench: ExecutorBench;
beforeEach(async () => (bench = await ExecutorBench.start(folder())));
afterEach(() => bench.server.close());

it('stops a running task on request, and only the named one', async () => {
  let stopped = false;
  bench.host.run = () =>
    new Promise((resolve) => {
      bench.host.stop = () => {
        stopped = true;
        resolve(ended({ stopped: true }));
      };
    });
  bench.send();
  await waitFor('the task to run', () => bench.said.some(({ type }) => type === 'executing'));
  bench.executor.receive({
    type: 'stop',
    ref: { runId: 'run-1', taskId: 'app:build', attempt: 9 },
    graceMs: 1,
  });
  expect(stopped).toBe(false);
  bench.executor.receive({
    type: 'stop',
    ref: { runId: 'run-1', taskId: 'app:build', attempt: 1 },
    graceMs: 1,
  });
  expect(await bench.result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_CANCELLED' } });
});

describe('a task with a timeout', () => {
  const limited = (timeoutMs: number): RunSpec => {
    const spec = runOfTasks(['app:build']);
    return { ...spec, tasks: spec.tasks.map((task) => ({ ...task, timeoutMs })) };
  };
  const untilStopped = (change: Partial<TaskRun>) => () =>
    new Promise<TaskRun>((resolve) => {
      bench.host.stop = () => resolve(ended({ stopped: true, store: { kind: 'none' }, ...change }));
    });

  it.each([
    ['exits on the signal', { status: 'failure', code: 143 }, 143],
    ['succeeds after the signal', { status: 'success', code: 0 }, 1],
  ] as const)('is stopped after the timeout and fails when it %s', async (_what, change, code) => {
    bench.host.run = untilStopped(change);
    bench.send({}, limited(20));
    expect(await bench.result()).toMatchObject({
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
    expect(bench.said.map(({ type }) => type)).toEqual(['ready', 'executing', 'ran', 'result']);
    expect(bench.said[1]).toMatchObject({ timeoutMs: 20 });
  });

  it('has no timeout while it is stored', async () => {
    let stops = 0;
    bench.host.stop = () => stops++;
    bench.host.run = async (request) => {
      request.onStoring?.();
      await waitFor('the message that it ran', () => bench.said.some(({ type }) => type === 'ran'));
      await new Promise((resolve) => setTimeout(resolve, 60));
      return ended();
    };
    bench.send({}, limited(30));
    expect(await bench.result()).toMatchObject({ status: 'success', reason: null });
    expect(stops).toBe(0);
    expect(bench.said.filter(({ type }) => type === 'ran')).toHaveLength(1);
  });

  it('does not time out at once when the timeout is longer than the maximum of a timer', async () => {
    let stops = 0;
    bench.host.stop = () => stops++;
    bench.host.run = async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return ended();
    };
    bench.send({}, limited(2 ** 40));
    expect(await bench.result()).toMatchObject({ status: 'success', reason: null });
    expect(stops).toBe(0);
  });

  it('is returned if it is cancelled before it has stopped', async () => {
    bench.host.run = untilStopped({ status: 'failure' });
    bench.send({}, limited(60_000));
    await waitFor('the task to run', () => bench.said.some(({ type }) => type === 'executing'));
    bench.executor.receive({
      type: 'stop',
      ref: { runId: 'run-1', taskId: 'app:build', attempt: 1 },
      graceMs: 1,
    });
    expect(await bench.result()).toMatchObject({ kind: 'returned', reason: { code: 'DTE_CANCELLED' } });
  });
});
