import { expectExit } from '../support/expect-exit';
import { Pipeline, type ProcessInfo, type RunningProcess, signalProcess, type Fleet } from '@org/dte-testing';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { faultFleet, HELD, HELD_TASKS, SHORT_WAITS, tasksHeldOn } from '../support/fault-fleet';
import { machinesOf, ownLines, plain, ranOn } from '../support/log';

describe('a coordinator that is lost', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = faultFleet();
  });

  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  const coordinatorOf = (pipeline: Pipeline): ProcessInfo => {
    const found = fleet.runningProcesses().filter(({ command }) => / coordinator( |$)/.test(command));
    if (found.length !== 1) throw new Error(`${found.length} coordinators\n${pipeline.describe()}`);
    return found[0]!;
  };

  /** A pipeline with two agents that each hold a task, and the command that waits for them. */
  async function held(pipeline: Pipeline, command: readonly string[]): Promise<RunningProcess> {
    for (const name of ['agent-1', 'agent-2']) pipeline.startAgent(name);
    const main = pipeline.startNx(command);
    await tasksHeldOn(fleet, ['agent-1', 'agent-2'], () => `${main.describe()}\n${pipeline.describe()}`);
    return main;
  }

  const portOf = async (coordinator: RunningProcess): Promise<string> => {
    await coordinator.waitForOutput(/coordinator on \S+:\d+/);
    return /coordinator on \S+:(\d+)/.exec(coordinator.output())![1]!;
  };

  /** Nobody tells them to: their coordinator has been away for as long as main jobs wait for it. */
  const agentsLeave = async (pipeline: Pipeline): Promise<void> => {
    for (const { process } of pipeline.agents) {
      const { code, output } = await process.end();
      expect(code).toBe(0);
      // The main job gives up at the same time, and publishes that.
      expect(plain(output)).toMatch(
        /dte: the coordinator was unavailable for 3 s \(DTE_COORDINATOR_GRACE_MS\)|is finished; its main job works without agents: .*DTE_COORDINATOR_LOST/,
      );
    }
    await pipeline.everybodyGone();
  };

  it('killed while tasks run: the main job reports it once, runs the rest itself and succeeds', async () => {
    const pipeline = new Pipeline(fleet, fleet.machine('main'), SHORT_WAITS);
    await pipeline.startCiRun();
    const main = await held(pipeline, HELD);
    signalProcess(coordinatorOf(pipeline).pid, 'SIGKILL');

    await main.waitForOutput('DTE_COORDINATOR_LOST');
    fleet.open('go');
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    expect(plain(exit.output).match(/DTE_COORDINATOR_LOST/g)).toHaveLength(1);
    const here = ranOn(fleet.journal().filter(({ machine }) => machine === 'main'));
    expect(Object.keys(here).sort()).toEqual(HELD_TASKS);
    expect(pipeline.main.exists('dist/libs/held4/after.txt')).toBe(true);
    await agentsLeave(pipeline);
    // Nothing answers at the coordinator's address, and nobody needs to find that out.
    const late = await pipeline.startAgent('agent-late').process.end();
    expect([late.code, plain(late.output)]).toEqual([0, expect.stringContaining('DTE_COORDINATOR_LOST')]);
  });

  it('killed while tasks run: a failure among the rest is a failure of the command', async () => {
    const pipeline = new Pipeline(fleet, fleet.machine('main'), SHORT_WAITS);
    await pipeline.startCiRun();
    const main = await held(pipeline, ['run-many', '-t', 'wrong', '--parallel=1']);
    signalProcess(coordinatorOf(pipeline).pid, 'SIGKILL');
    await main.waitForOutput('DTE_COORDINATOR_LOST');
    fleet.open('go');

    expect((await main.end()).code).toBe(1);
    await agentsLeave(pipeline);
  });

  it('standalone, killed and started again: the command goes on, and what was running is not run twice', async () => {
    const server = fleet.machine('server', { ci: false });
    const argsFor = (port: string): string[] => [
      'coordinator',
      `--port=${port}`,
      `--data-dir=${join(server.folder, 'data')}`,
    ];
    const serverEnv = { DTE_LEASE_MS: '15000', DTE_HEARTBEAT_MS: '300' };
    // The system gives the first one a port, which the second one needs as well.
    const first = server.startDte(argsFor('0'), { env: serverEnv });
    const port = await portOf(first);
    const env = {
      ...SHORT_WAITS,
      DTE_COORDINATOR_GRACE_MS: '20000',
      DTE_COORDINATOR_URL: `http://127.0.0.1:${port}`,
    };
    const pipeline = new Pipeline(fleet, fleet.machine('main'), env);
    await pipeline.startCiRun();
    const main = await held(pipeline, HELD);

    first.signal('SIGKILL');
    await first.end();
    const second = server.startDte(argsFor(port), { env: serverEnv });
    await second.waitForOutput(port);
    fleet.open('go');
    const exit = await main.end();

    expect(`${exit.output}${exit.code === 0 ? '' : `${second.describe()}${pipeline.describe()}`}`).toContain(
      'Successfully ran target',
    );
    expectExit(exit, 0, pipeline);
    const ran = ranOn(fleet.journal());
    expect(Object.keys(ran).sort()).toEqual(HELD_TASKS);
    expect(Object.values(ran).filter((machines) => machines.length !== 1)).toEqual([]);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1', 'agent-2']);
    await pipeline.dte(['complete-ci-run']);
    for (const { process } of pipeline.agents) expect((await process.end()).code).toBe(0);
    second.signal('SIGTERM');
    expect((await second.end()).code).toBe(0);
  });

  it('standalone, away for 27 seconds, with the limits of production: no attempt is lost', async () => {
    const server = fleet.machine('server', { ci: false });
    const start = (port: string): RunningProcess =>
      server.startDte(['coordinator', `--port=${port}`, `--data-dir=${join(server.folder, 'data')}`], {
        env: { DTE_LOG_LEVEL: 'debug' },
      });
    const first = start('0');
    const port = await portOf(first);
    const pipeline = new Pipeline(fleet, fleet.machine('main'), {
      DTE_COORDINATOR_URL: `http://127.0.0.1:${port}`,
    });
    await pipeline.startCiRun();
    const main = await held(pipeline, HELD);

    first.signal('SIGKILL');
    await first.end();
    // Longer than agents may take to reconnect after a break of their own (agentReturnMs), and nearly as long as a lease.
    await delay(27_000);
    const second = start(port);
    await second.waitForOutput(port);
    // The tasks that ran all the time end now.
    fleet.open('go');
    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    expect(plain(exit.output)).not.toMatch(/DTE_COORDINATOR_LOST|retried/);
    const log = `${first.output()}\n${second.output()}`;
    expect(log).not.toContain('attempt lost or returned');
    const ended = log.split('\n').filter((line) => line.includes('"task ended"'));
    expect(ended).toHaveLength(HELD_TASKS.length);
    // Not that each was attempt 1: one that an agent has prepared, and another takes because it is free sooner, gets a new number.
    const ran = ranOn(fleet.journal());
    expect(Object.keys(ran).sort()).toEqual(HELD_TASKS);
    expect(Object.values(ran).filter((machines) => machines.length !== 1)).toEqual([]);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1', 'agent-2']);
    await pipeline.dte(['complete-ci-run']);
    for (const { process } of pipeline.agents) expect((await process.end()).code).toBe(0);
    second.signal('SIGTERM');
    expect((await second.end()).code).toBe(0);
  });

  it('never there: one line, and the main job does everything', async () => {
    fleet.open('go');
    const main = fleet.machine('main');

    const exit = await main.nx(HELD, {
      env: {
        ...SHORT_WAITS,
        DTE_CONNECT_TIMEOUT_MS: '3000',
        // The port of the protocol discard, which no machine of a CI serves.
        DTE_COORDINATOR_URL: 'http://127.0.0.1:9',
      },
    });

    expectExit(exit, 0);
    expect(plain(exit.output).match(/DTE_NO_COORDINATOR/g)).toHaveLength(1);
    expect(ownLines(exit.output).length).toBeLessThanOrEqual(3);
    expect(machinesOf(fleet.journal())).toEqual(['main']);
  });

  it('available but without agents: one line after the wait, and the main job does everything', async () => {
    fleet.open('go');
    const pipeline = new Pipeline(fleet, fleet.machine('main'), {
      ...SHORT_WAITS,
      DTE_AGENT_WAIT_MS: '1500',
    });
    await pipeline.startCiRun();

    const exit = await pipeline.nx(HELD);

    expectExit(exit, 0, pipeline);
    expect(plain(exit.output).match(/DTE_NO_AGENTS/g)).toHaveLength(1);
    expect(machinesOf(fleet.journal())).toEqual(['main']);
    await pipeline.complete();
  });

  const root = process.getuid?.() === 0 && process.platform === 'linux';
  if (!root)
    console.warn('SKIPPED: a full disk needs a small file system of its own, and mounting one needs root.');
  (root ? it : it.skip)(
    'with a full disk: the artifacts that find no room cost attempts, and the command succeeds',
    async () => {
      const disk = join(fleet.folder, 'disk');
      mkdirSync(disk);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'pipe' });
      } catch (error) {
        console.warn(`SKIPPED: no file system could be mounted: ${String(error)}`);
        return;
      }
      try {
        const pipeline = new Pipeline(fleet, fleet.machine('main'), { ...SHORT_WAITS, DTE_DATA_DIR: disk });
        await pipeline.startCiRun();
        pipeline.startAgent('agent-1');

        const exit = await pipeline.nx(['run-many', '-t', 'bulk', '--parallel=1']);

        expect(`${exit.output}${exit.code === 0 ? '' : pipeline.describe()}`).toContain(
          'Successfully ran target',
        );
        expectExit(exit, 0, pipeline);
        for (const name of ['held1', 'held2', 'held3', 'held4']) {
          expect(pipeline.main.read(`dist/libs/${name}/bulk.txt`).length).toBeGreaterThan(1_000_000);
        }
        expect(plain(pipeline.describe())).toMatch(/returned: .*\(DTE_DISK_FULL\)/);
        await pipeline.complete();
      } finally {
        for (const { pid } of fleet.runningProcesses()) signalProcess(pid, 'SIGKILL');
        execFileSync('umount', ['--lazy', disk]);
      }
    },
  );
});
