import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { isRunning, Pipeline, waitFor, type Fleet } from '@org/dte-testing';
import { faultFleet, HELD, SHORT_WAITS, tasksHeldOn } from '../support/fault-fleet';

describe('a main job that is told to stop', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = faultFleet();
    pipeline = new Pipeline(fleet, fleet.machine('main'), { ...SHORT_WAITS, DTE_MAIN_LOST_MS: '3000' });
    await pipeline.startCiRun();
    for (const name of ['agent-1', 'agent-2']) pipeline.startAgent(name);
  });

  afterAll(async () => {
    expect((await completeAndClose(pipeline, fleet)).map(({ code }) => code)).toEqual([0, 0]);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  const runningTasks = (): number[] =>
    fleet
      .journal()
      .map(({ pid }) => pid)
      .filter(isRunning);

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s: ends what runs on the agents and exits with %d', async (signal, code) => {
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, ['agent-1', 'agent-2'], () => `${main.describe()}\n${pipeline.describe()}`);
    main.signal(signal);

    const exit = await main.end();
    expect({ code: exit.code, signal: exit.signal }).toEqual({ code, signal: null });
    await waitFor('the end of its tasks on the agents', () => runningTasks().length === 0, {
      lastState: () => pipeline.describe(),
    });
    for (const { process } of pipeline.agents) expect(process.running).toBe(true);
  });

  it('killed: what runs on the agents ends after the main job has been gone for too long', async () => {
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, ['agent-1', 'agent-2'], () => `${main.describe()}\n${pipeline.describe()}`);
    main.signalTree('SIGKILL');

    await main.end();
    await waitFor('the end of its tasks on the agents', () => runningTasks().length === 0, {
      lastState: () => pipeline.describe(),
    });
  });

  it('the agents serve the next command', async () => {
    fleet.open('go');

    expectExit(await pipeline.nx(HELD), 0, pipeline);
  });
});
