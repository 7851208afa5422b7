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
  });

  const startAgents = (env: Record<string, string> = {}): void => {
    for (const name of AGENTS) pipeline.startAgent(name, { env });
  };

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

  it('killed: its task is retried elsewhere, the command succeeds, and none of its processes is left', async () => {
    startAgents();
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const victim = pipeline.agent('agent-1').process;
    const family = processTree(victim.pid).map(({ pid }) => pid);
    victim.signal('SIGKILL');

    // Executors and tasks of a killed supervisor must end by themselves.
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
    expect(plain(exit.output)).toMatch(/1 retried/);
    pipeline.agents.shift();
    await pipeline.complete();
  });

  it('frozen longer than its lease: its task runs elsewhere; later, its late result changes nothing and it continues to serve', async () => {
    startAgents();
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

  it('whose executor is frozen: the attempt is lost while the agent runs, and the task runs again', async () => {
    startAgents({ DTE_EXECUTOR_FROZEN_MS: '3000' });
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const { process: agent } = pipeline.agent('agent-1');
    const task = fleet.journal().find(({ machine }) => machine === 'agent-1')!;
    const isOfTask = (pid: number): boolean => processTree(pid).some((below) => below.pid === task.pid);
    const executor = processTree(agent.pid)
      .map(({ pid }) => pid)
      .find((pid) => pid !== agent.pid && isOfTask(pid))!;
    signalProcess(executor, 'SIGSTOP');

    await agent.waitForOutput('DTE_EXECUTOR_FROZEN');
    await waitFor('the end of the executor and its task', () => ![executor, task.pid].some(isRunning));
    fleet.open('go');
    const exit = await main.end();
    expectExit(exit, 0, pipeline);
    expectAllDone(exit.output);
    expect(plain(exit.output)).toMatch(/1 retried/);
    expect(agent.running).toBe(true);
    await pipeline.complete();
  });

  it('reconnects with another token: the next command has its own variables', async () => {
    startAgents();
    const other = pipeline.agent('agent-2').process;
    other.signal('SIGTERM');
    await other.end();
    pipeline.agents.pop();
    const { process: agent } = pipeline.agent('agent-1');
    const show = async (env: Record<string, string>): Promise<string> => {
      const exit = await pipeline.nx(['run-many', '-t', 'show', '--output-style=static'], {
        env: { ...env, DTE_FORWARD_ENV: 'STAGE' },
      });
      expectExit(exit, 0, pipeline);
      expect(plain(exit.output)).toContain('agent-1: 1');
      return /^stage=.*$/m.exec(plain(exit.output))?.[0] ?? exit.output;
    };
    expect(await show({ STAGE: 'staging' })).toBe('stage=staging.');
    const connections = (): number => agent.output().split(' is connected to ').length;
    const before = connections();
    agent.signalTree('SIGSTOP');
    // The coordinator gives it up; when it continues, it connects again.
    await waitFor(
      'the coordinator to give it up',
      () => pipeline.coordinatorLog.includes('agent disconnected'),
      {
        lastState: () => pipeline.coordinatorLog,
      },
    );
    agent.signalTree('SIGCONT');
    await waitFor('another connection', () => connections() > before, { lastState: () => agent.describe() });
    expect(await show({ STAGE: 'production' })).toBe('stage=production.');
    expect(await show({})).toBe('stage=.');
    await pipeline.complete();
  });

  it('told to stop: it returns a task that does not end in time, and leaves with exit code 0', async () => {
    startAgents();
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const leaving = pipeline.agent('agent-1').process;
    leaving.signal('SIGTERM');

    expect((await leaving.end()).code).toBe(0);
    fleet.open('go');
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    expectAllDone(exit.output);
    expect(machinesOf(fleet.journal().filter(({ what }) => what === 'end'))).toEqual(['agent-2']);
    await pipeline.complete();
  });

  it('told to stop: it finishes a task that ends in time', async () => {
    startAgents({ DTE_DRAIN_MS: '60000' });
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const held = fleet.journal().find(({ machine }) => machine === 'agent-1')!;
    const leaving = pipeline.agent('agent-1').process;
    leaving.signal('SIGTERM');
    fleet.open('go');

    expect((await leaving.end()).code).toBe(0);
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    expectAllDone(exit.output);
    expect(ranOn(fleet.journal())[held.id]).toEqual(['agent-1']);
    await pipeline.complete();
  });

  it('an executor that crashes costs one attempt and not the agent', async () => {
    startAgents();
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

describe('an agent that is killed while its lease lasts for long', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = faultFleet();
  });

  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  /** When the coordinator wrote the first line with this message about an agent, ms since the epoch. */
  const saidAtMs = ({ coordinatorLog }: Pipeline, agent: string, msg: string): number | undefined => {
    const lines = coordinatorLog.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
    const found = lines
      .map((line) => JSON.parse(line) as { msg?: string; agent?: string; time: string })
      .find((line) => line.msg === msg && line.agent === agent);
    return found === undefined ? undefined : Date.parse(found.time);
  };

  it('is noticed at once, and its task runs elsewhere after the time in which it may reconnect', async () => {
    const pipeline = new Pipeline(fleet, fleet.machine('main'), {
      ...SHORT_WAITS,
      DTE_LEASE_MS: '600000',
      DTE_AGENT_RETURN_MS: '2000',
    });
    await pipeline.startCiRun();
    for (const name of AGENTS) pipeline.startAgent(name);
    const main = pipeline.startNx(HELD);
    await tasksHeldOn(fleet, AGENTS, () => `${main.describe()}\n${pipeline.describe()}`);
    const held = fleet.journal().find(({ machine }) => machine === 'agent-1')!;
    const killedAtMs = Date.now();
    pipeline.agent('agent-1').process.signal('SIGKILL');

    // The other one is busy until the gate opens. Two tasks wait, and this one has room for them and the lost one.
    pipeline.startAgent('agent-3', { args: ['--slots=3'] });
    await waitFor(
      'its task on another agent',
      () => fleet.journal().some(({ machine, id }) => machine === 'agent-3' && id === held.id),
      { lastState: () => pipeline.describe() },
    );
    expect(saidAtMs(pipeline, 'agent-1', 'agent disconnected; it may reconnect')! - killedAtMs).toBeLessThan(
      2_000,
    );
    expect(saidAtMs(pipeline, 'agent-1', 'agent left')).toBeDefined();
    fleet.open('go');
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    expect(Object.keys(ranOn(fleet.journal())).sort()).toEqual(HELD_TASKS);
    expect(pipeline.coordinatorLog).toContain('DTE_AGENT_LOST');
    pipeline.agents.shift();
    await pipeline.complete();
  });
});
