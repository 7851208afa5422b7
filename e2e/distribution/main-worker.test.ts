import { Pipeline, sampleCommand, signalProcess, waitFor, type Fleet } from '@org/dte-testing';
import { expectExit } from '../support/expect-exit';
import { machinesOf, mostAtOnce, plain, ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

const WIDTH = 6;
const names = Array.from({ length: WIDTH }, (_, index) => `p${index + 1}`);

/** Each `two` needs what every `one` has written, so outputs go in both directions; `raw` is never cached. */
const PROJECTS = Object.fromEntries(
  names.map((name) => [
    name,
    {
      root: `libs/${name}`,
      targets: {
        one: {
          cache: true,
          command: sampleCommand(`${name}:one`, {
            sleep: 300,
            writes: `dist/libs/${name}/one.txt`,
            lines: 1,
          }),
          outputs: ['{workspaceRoot}/dist/{projectRoot}/one.txt'],
        },
        raw: {
          cache: false,
          command: sampleCommand(`${name}:raw`, { sleep: 200, writes: `dist/libs/${name}/raw/file.txt` }),
          outputs: ['{workspaceRoot}/dist/{projectRoot}/raw'],
        },
        two: {
          cache: true,
          dependsOn: [{ projects: names, target: 'one' }, 'raw'],
          command: sampleCommand(`${name}:two`, {
            sleep: 200,
            needs: [
              ...names.map((each) => `dist/libs/${each}/one.txt`),
              `dist/libs/${name}/raw/file.txt`,
            ].join(','),
            writes: `dist/libs/${name}/two.txt`,
          }),
          outputs: ['{workspaceRoot}/dist/{projectRoot}/two.txt'],
        },
        fail: {
          cache: true,
          command: sampleCommand(`${name}:fail`, {
            sleep: 300,
            writes: `dist/libs/${name}/log.txt`,
            exit: 3,
          }),
          outputs: ['{workspaceRoot}/dist/{projectRoot}/log.txt'],
        },
        gated: { command: sampleCommand(`${name}:gated`, { until: `gate-${name}` }) },
      },
    },
  ]),
);

describe('a main job with its own slots', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS });
    pipeline = new Pipeline(fleet, fleet.machine('main'), { DTE_MAIN_SLOTS: '2' });
    await pipeline.startCiRun();
  });

  afterAll(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  it('runs all tasks when no agent comes, as many at a time as it has slots', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'two', '--projects=p1,p2', '--output-style=static']);

    expectExit(exit, 0, pipeline);
    expect(machinesOf(fleet.journal())).toEqual(['main']);
    expect(mostAtOnce(fleet.journal())).toBe(2);
    expect(plain(exit.output)).toMatch(/dte: 10 tasks on 1 agent in .* main job: 10/);
    expect(plain(exit.output)).toContain('p3:one line 1');
  });

  it('shares the work with agents, and outputs go both ways', async () => {
    pipeline.startAgent('agent-1');
    await waitFor('the agent', () => pipeline.agent('agent-1').process.output().includes('is connected'));

    const exit = await pipeline.nx(['run-many', '-t', 'two', '--skip-nx-cache', '--parallel=2']);

    expectExit(exit, 0, pipeline);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1', 'main']);
    expect(Object.values(ranOn(fleet.journal())).every((ran) => ran.length === 1)).toBe(true);
    expect(Object.keys(ranOn(fleet.journal()))).toHaveLength(3 * WIDTH);
    expect(pipeline.main.filesBelow('dist')).toHaveLength(3 * WIDTH);
    for (const name of names)
      expect(pipeline.main.read(`dist/libs/${name}/two.txt`)).toContain(`${name}:raw\n`);
  });

  it('does not download outputs that it does not need, and keeps its own', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'raw', '--parallel=1'], {
      env: { DTE_RESTORE_OUTPUTS: 'none' },
    });

    expectExit(exit, 0, pipeline);
    const here = fleet.journal().filter(({ machine, what }) => machine === 'main' && what === 'end');
    expect(here.length).toBeGreaterThan(0);
    expect(
      pipeline.main
        .filesBelow('dist')
        .filter((file) => file.endsWith('raw/file.txt'))
        .sort(),
    ).toEqual(here.map(({ id }) => `libs/${id.replace(':raw', '')}/raw/file.txt`).sort());
    expect(plain(exit.output)).toContain(`dte: ${WIDTH - here.length} outputs (`);
  });

  it('reports a failure of a task that it ran itself, with its files', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'fail', '--parallel=1']);

    expectExit(exit, 1, pipeline);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1', 'main']);
    expect(plain(exit.output)).toMatch(/p\d:fail failed on main job/);
    expect(pipeline.main.filesBelow('dist').filter((file) => file.endsWith('log.txt'))).toHaveLength(WIDTH);
  });

  it('loses one attempt when one of its executors is killed, and the command passes', async () => {
    const command = pipeline.startNx(['run-many', '-t', 'gated', '--parallel=1']);
    const begun = await waitFor('a task here', () =>
      fleet.journal().find(({ machine, what }) => machine === 'main' && what === 'start'),
    );
    const executor = await waitFor('its executor', () => {
      const processes = fleet.runningProcesses();
      const isAbove = (pid: number, child: number): boolean => {
        const parent = processes.find((each) => each.pid === child)?.parentPid;
        return parent !== undefined && (parent === pid || isAbove(pid, parent));
      };
      return processes.find(
        ({ pid, command: line }) => line.includes('executor/main.js') && isAbove(pid, begun.pid),
      );
    });
    signalProcess(executor.pid, 'SIGKILL');
    const own = `gate-${begun.id.replace(':gated', '')}`;
    const gates = names.map((name) => `gate-${name}`);
    for (const gate of gates.filter((gate) => gate !== own)) fleet.open(gate);
    await waitFor(
      'another attempt',
      () => fleet.journal().filter(({ id, what }) => id === begun.id && what === 'start').length === 2,
      { lastState: () => JSON.stringify(fleet.journal()) },
    );
    fleet.open(own);

    expectExit(await command.end(), 0, pipeline);
    expect(ranOn(fleet.journal())[begun.id]).toHaveLength(1);
  });

  it('leaves no process behind when a signal stops it', async () => {
    const command = pipeline.startNx(['run-many', '-t', 'two', '--skip-nx-cache', '--parallel=2']);
    await waitFor('a task here', () => fleet.journal().some(({ machine }) => machine === 'main'));
    signalProcess(command.pid, 'SIGTERM');

    expect((await command.end()).code).toBe(143);
    await pipeline.complete();
    expect(fleet.runningProcesses()).toEqual([]);
  });
});

describe('a main job with mainSlots auto', () => {
  it('runs tasks while fewer agents than expected are connected, and stops when they have come', async () => {
    const fleet = sampleFleet({ projects: PROJECTS });
    const env = { DTE_MAIN_SLOTS: 'auto', DTE_EXPECTED_AGENTS: '1', DTE_MAIN_SLOTS_WAIT_MS: '1' };
    const pipeline = new Pipeline(fleet, fleet.machine('main'), env);
    await pipeline.startCiRun();
    const command = pipeline.startNx(['run-many', '-t', 'gated']);
    await waitFor('a task here', () => fleet.journal().some(({ machine }) => machine === 'main'));
    pipeline.startAgent('agent-1', { args: ['--slots=6'] });
    await command.waitForOutput('this job takes no more tasks');
    for (const name of names) fleet.open(`gate-${name}`);

    expectExit(await command.end(), 0, pipeline);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1', 'main']);
    await pipeline.complete();
    expect(await fleet.close()).toEqual([]);
  });
});
