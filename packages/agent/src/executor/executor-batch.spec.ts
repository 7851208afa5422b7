import { type RunBatchRequest } from '@org/dte-nx-compat';
import { type RunSpec } from '@org/dte-protocol';
import { assignment, runOfTasks, tempFolders } from '@org/dte-testing';
import { ExecutorBench, ended } from './test-support/executor-bench';

const folder = tempFolders();
let bench: ExecutorBench;
beforeEach(async () => (bench = await ExecutorBench.start(folder())));
afterEach(() => bench.server.close());

it('runs the tasks of a batch together and reports for each how it ended and where its outputs are', async () => {
  let given: RunBatchRequest | null = null;
  bench.host.batch = async (request) => {
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
  Object.assign(bench.host.projectGraph.nodes['lib']!.data.targets, { pack: {} });
  bench.send({ assignment: { ...assignment('app:build', { hash: 'hash-app-build' }), members } }, spec);
  expect(await bench.result()).toMatchObject({
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
  expect([...bench.server.stored.keys()]).toEqual([expect.stringContaining('lib')]);
  expect(given!.tasks.map(({ id, hash }) => [id, hash])).toEqual([
    ['app:build', 'hash-app-build'],
    ['lib:build', undefined],
    ['lib:pack', undefined],
  ]);
  expect(Object.keys(given!.fullTaskGraph.tasks)).toContain('other:build');
});

it('runs no task of a batch that has another hash on this agent, and none that depends on it', async () => {
  bench.host.hash = 'another';
  const members = [
    { taskId: 'app:build', hash: 'hash-app-build' },
    { taskId: 'lib:build', hash: null },
  ];
  const spec = runOfTasks(['app:build', 'lib:build']);
  spec.tasks[1]!.dependencies = [{ id: 'app:build' }];
  bench.send({ assignment: { ...assignment('app:build', { hash: 'hash-app-build' }), members } }, spec);
  expect(await bench.result()).toMatchObject({
    kind: 'batch',
    members: [
      { taskId: 'app:build', result: { status: 'failure', reason: { code: 'DTE_HASH_MISMATCH' } } },
      { taskId: 'lib:build', result: null },
    ],
  });
});

describe('a batch whose tasks have a timeout', () => {
  const MEMBERS = ['app:build', 'lib:build', 'lib:pack'].map((taskId) => ({ taskId, hash: null }));
  const spec = (timeouts: Record<string, number>): RunSpec => {
    const run = runOfTasks(MEMBERS.map(({ taskId }) => taskId));
    return { ...run, tasks: run.tasks.map((task) => ({ ...task, timeoutMs: timeouts[task.id] })) };
  };
  const sendBatch = (timeouts: Record<string, number>): void => {
    Object.assign(bench.host.projectGraph.nodes['lib']!.data.targets, { pack: {} });
    bench.send(
      { assignment: { ...assignment('app:build', { hash: null }), members: MEMBERS } },
      spec(timeouts),
    );
  };
  const executing = () => bench.said.flatMap((each) => (each.type === 'executing' ? [each.timeoutMs] : []));

  it('is stopped after the sum of the timeouts: results of ended tasks are kept, the other tasks fail', async () => {
    bench.host.batch = (request) =>
      new Promise((resolve) => {
        const tasks = new Map([['app:build', ended()]]);
        bench.host.stop = () => resolve({ tasks, log: 'Compiling', stopped: true, broken: undefined });
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
    expect(await bench.result()).toMatchObject({
      members: [
        { result: { status: 'success', reason: null, artifact: { kind: 'cache' } } },
        { result: { ...timedOut, artifact: { kind: 'attempt', attempt: 1 } } },
        { result: timedOut },
      ],
      log: 'Compiling',
    });
    expect(executing()).toEqual([undefined, 40]);
  });

  it('has no timeout between two processes of its executor, and after them', async () => {
    let stops = 0;
    bench.host.stop = () => stops++;
    bench.host.batch = async ({ onWorking }) => {
      for (const part of [1, 2]) {
        onWorking?.(true);
        onWorking?.(false);
        await new Promise((resolve) => setTimeout(resolve, 60 * part));
      }
      return { tasks: new Map([['app:build', ended()]]), log: '', stopped: false, broken: undefined };
    };
    sendBatch({ 'app:build': 10, 'lib:build': 10, 'lib:pack': 10 });
    expect(await bench.result()).toMatchObject({
      members: [{ result: { status: 'success' } }, { result: null }, { result: null }],
    });
    expect(stops).toBe(0);
    expect(bench.said.filter(({ type }) => type === 'ran')).toHaveLength(2);
  });

  it('has no timeout when one of them has none', async () => {
    bench.host.batch = async ({ onWorking }) => {
      onWorking?.(true);
      return { tasks: new Map(), log: '', stopped: false, broken: undefined };
    };
    sendBatch({ 'app:build': 10, 'lib:build': 10 });
    await bench.result();
    expect(executing()).toEqual([undefined]);
  });
});
