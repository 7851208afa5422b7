import { type FinishedAttempt, HTTP } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall, type RawClient } from '@org/dte-testing';
import { agentSync, completed, Harness, success } from './support/harness';

jest.setTimeout(120_000);

const FAILURE: FinishedAttempt = {
  kind: 'finished',
  status: 'failure',
  code: 1,
  fromCache: null,
  hash: null,
  reason: null,
  artifact: { kind: 'none' },
  startMs: 1,
  endMs: 2,
  hashDetails: null,
};

/** Two agents with one task each. Neither may report about the other's. */
describe('an agent that reports about tasks of others', () => {
  let harness: Harness;
  let main: RawClient;
  let honest: RawClient;
  let rogue: RawClient;

  const says = (client: RawClient, taskId: string, data: string, attempt = 1): void =>
    client.send({ type: 'agent.output', runId: 'r1', taskId, attempt, offset: 0, data });
  const put = async (client: RawClient, path: string) =>
    httpCall(harness.url, { method: 'PUT', path, token: client.token, body: 'made up' });
  const oneSlot = (seq: number, ...rest: Parameters<typeof completed>[]) => ({
    ...agentSync(
      seq,
      rest.map((each) => completed(...each)),
    ),
    slots: 1,
  });

  beforeEach(async () => {
    harness = await Harness.start();
    main = await harness.main();
    honest = await harness.agent('honest', { slots: 1 });
    honest.send(oneSlot(1));
    const tasks = [taskSpec('app:build', [], { weight: 2 }), taskSpec('lib:build')];
    await harness.submit(main, runSpec('r1', tasks, { streamOutput: true }));
    await honest.next('agent.wanted', ({ assignments }) => assignments[0]?.taskId === 'app:build');
    rogue = await harness.agent('rogue', { slots: 1 });
    rogue.send(oneSlot(1));
    await rogue.next('agent.wanted', ({ assignments }) => assignments[0]?.taskId === 'lib:build');
  });
  afterEach(() => harness.cleanUp());

  it('is ignored for the task of another agent, another attempt, and an unknown one', async () => {
    says(rogue, 'app:build', 'forged');
    says(rogue, 'lib:build', 'of another attempt', 2);
    says(rogue, 'nobody:build', 'of no task');
    says(rogue, 'lib:build', 'its own');
    says(honest, 'app:build', 'true');
    await main.next('run.output', ({ data }) => data === 'its own');
    await main.next('run.output', ({ data }) => data === 'true');
    expect(
      main
        .all('run.output')
        .map(({ taskId, data }) => `${taskId} ${data}`)
        .sort(),
    ).toEqual(['app:build true', 'lib:build its own']);
  });

  it('is ignored for a task that has ended', async () => {
    await harness.putCache(rogue, 'hash-lib-build', 'x');
    rogue.send(oneSlot(2, ['r1', 'lib:build', success('hash-lib-build')]));
    await main.next('run.update', ({ entries }) => entries.some(({ type }) => type === 'ended'));
    says(rogue, 'lib:build', 'late');
    const heard = new Promise((resolve) => rogue.socket.once('pong', resolve));
    rogue.socket.ping();
    await heard;
    says(honest, 'app:build', 'true');
    await main.next('run.output', ({ data }) => data === 'true');
    expect(main.all('run.output')).toHaveLength(1);
  });

  it('cannot end the task of another agent', async () => {
    await harness.putCache(honest, 'hash-app-build', 'outputs');
    rogue.send(oneSlot(2, ['r1', 'app:build', success('hash-app-build')]));
    rogue.send(oneSlot(3, ['r1', 'app:build', FAILURE]));
    await rogue.next('agent.wanted', ({ seq }) => seq === 3);
    honest.send(oneSlot(2, ['r1', 'app:build', success('hash-app-build')]));
    const update = await main.next('run.update', ({ entries }) =>
      entries.some(({ type }) => type === 'ended'),
    );
    expect(update.entries.filter(({ type }) => type === 'ended')).toMatchObject([
      { taskId: 'app:build', status: 'success', agent: { name: 'honest' } },
    ]);
  });

  it.each([
    ['the hash of the task of another one', HTTP.cache('hash-app-build')],
    ['its terminal output', HTTP.terminal('hash-app-build')],
    ['a hash of no task', HTTP.cache('hash-of-main')],
    ['the attempt of another one', HTTP.attempt('r1', 'app:build', 1)],
    ['an attempt to come of its own', HTTP.attempt('r1', 'lib:build', 2)],
    ['what the main job would supply', HTTP.attempt('r1', 'lib:build', 0)],
    ['an attempt of no task', HTTP.attempt('r1', 'nobody:build', 1)],
  ])('cannot store %s', async (_, path) => {
    expect(await put(rogue, path)).toMatchObject({ status: 403, code: 'DTE_NOT_HELD' });
    expect(await httpCall(harness.url, { path, token: main.token })).toMatchObject({ status: 404 });
  });

  it('can store the outputs of its own task until that has ended', async () => {
    expect(await put(rogue, HTTP.attempt('r1', 'lib:build', 1))).toMatchObject({ status: 200 });
    expect(await put(rogue, HTTP.cache('hash-lib-build'))).toMatchObject({ status: 200 });
    rogue.send(oneSlot(2, ['r1', 'lib:build', success('hash-lib-build')]));
    await main.next('run.update', ({ entries }) => entries.some(({ type }) => type === 'ended'));
    expect(await put(rogue, HTTP.terminal('hash-lib-build'))).toMatchObject({ code: 'DTE_NOT_HELD' });
  });
});
