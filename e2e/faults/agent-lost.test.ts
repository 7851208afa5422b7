import { expectExit } from '../support/expect-exit';
import { isRunning, Pipeline, processTree, signalProcess, waitFor, type Fleet } from '@org/dte-testing';
import { faultFleet, HELD, HELD_TASKS, SHORT_WAITS, tasksHeldOn } from '../support/fault-fleet';
import { machinesOf, ownLines, plain, ranOn } from '../support/log';

const AGENTS = ['agent-1', 'agent-2'];

describe('an agent that is lost while it works', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeEach(async () => {
    fleet = faultFleet();
    pipeline = new Pipeline(fleet, fleet.machine('main'), SHORT_WAITS);
    await pipeline.startCiRun();
    for (const name of AGENTS) pipeline.startAgent(name);
  });

  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  const expectAllDone = (output: string): void => {
    const ran = ranOn(fleet.journal());
    expect(Object.keys(ran).sort()).toEqual(HELD_TASKS);
    expect(machinesOf(fleet.journal())).not.toContain('main');
    for (const name of ['held1', 'held2', 'held3', 'held4']) {
      expect(pipeline.main.read(`dist/libs/${name}/after.txt`)).toBe(`${name}:after\n${name}:hold\n`);
    }
    expect(ownLines(output).length).toBeLessThanOrEqual(4);
  };

  it('killed: its task is tried elsewhere, the command succeeds, and no process of it stays behind', async () => {
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const victim = pipeline.agent('agent-1').process;
    const family = processTree(victim.pid).map(({ pid }) => pid);
    victim.signal('SIGKILL');

    // Executors and tasks of a supervisor that is gone must end by themselves.
    await waitFor('the end of everything the agent had started', () => !family.some(isRunning), {
      lastState: () => JSON.stringify(fleet.runningProcesses()),
    });
    fleet.open('go');
    const exit = await main.end();

    expect(`${exit.output}${exit.code === 0 ? '' : pipeline.describe()}`).toContain(
      'Successfully ran target',
    );
    expectExit(exit, 0, pipeline);
    expectAllDone(exit.output);
    expect(plain(exit.output)).toMatch(/1 tried again/);
    pipeline.agents.shift();
    await pipeline.complete();
  });

  it('frozen longer than its lease: its task runs elsewhere; thawed, its late result changes nothing and it serves on', async () => {
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const frozen = pipeline.agent('agent-1').process;
    const held = fleet.journal().find(({ machine }) => machine === 'agent-1')!;
    frozen.signalTree('SIGSTOP');
    fleet.open('go');

    const exit = await main.end();
    expectExit(exit, 0, pipeline);
    expect(ranOn(fleet.journal())[held.id]).toEqual(['agent-2']);
    expectAllDone(exit.output);

    frozen.signalTree('SIGCONT');
    fleet.clearJournal();
    const again = await pipeline.nx([...HELD, '--skip-nx-cache']);
    expectExit(again, 0, pipeline);
    expect(frozen.running).toBe(true);
    await waitFor('work for the thawed agent', async () => {
      if (machinesOf(fleet.journal()).includes('agent-1')) return true;
      await pipeline.nx([...HELD, '--skip-nx-cache']);
      return false;
    });
    expect((await pipeline.complete()).map(({ code }) => code)).toEqual([0, 0]);
  });

  it('told to stop: it hands its task back when that does not end in time, and leaves with exit code 0', async () => {
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const leaving = pipeline.agent('agent-1').process;
    leaving.signal('SIGTERM');

    expect((await leaving.end(20_000)).code).toBe(0);
    fleet.open('go');
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    expectAllDone(exit.output);
    expect(machinesOf(fleet.journal().filter(({ what }) => what === 'end'))).toEqual(['agent-2']);
    await pipeline.complete();
  });

  it('told to stop: it finishes a task that ends in time', async () => {
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const held = fleet.journal().find(({ machine }) => machine === 'agent-1')!;
    const leaving = pipeline.agent('agent-1').process;
    leaving.signal('SIGTERM');
    fleet.open('go');

    expect((await leaving.end(20_000)).code).toBe(0);
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    expectAllDone(exit.output);
    expect(ranOn(fleet.journal())[held.id]).toEqual(['agent-1']);
    await pipeline.complete();
  });

  it('an executor that dies costs one attempt and not the agent', async () => {
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const agent = pipeline.agent('agent-1').process;
    const started = fleet.journal().find(({ machine }) => machine === 'agent-1')!;
    const executors = processTree(agent.pid).filter(({ parentPid }) => parentPid === agent.pid);
    for (const { pid } of executors) signalProcess(pid, 'SIGKILL');

    await waitFor('the end of the task of the dead executor', () => !isRunning(started.pid), {
      lastState: () => agent.describe(),
    });
    fleet.open('go');
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    expectAllDone(exit.output);
    expect(agent.running).toBe(true);
    expect(machinesOf(fleet.journal().filter(({ what }) => what === 'end'))).toEqual(AGENTS);
    expect((await pipeline.complete()).map(({ code }) => code)).toEqual([0, 0]);
  });
});
