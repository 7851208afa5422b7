import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { AFFECTED, Pipeline, sampleCommand, type Fleet } from '@org/dte-testing';
import { machinesOf, mostAtOnce, ownLines, plain, ranOn } from '../support/log';
import { AFFECTED_TASKS, sampleFleet } from '../support/sample-fleet';

const naps = (prefix: string, count: number, command: (id: string) => string, target: string) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const name = `${prefix}${index + 1}`;
      return [
        name,
        { root: `libs/${name}`, targets: { [target]: { command: command(`${name}:${target}`) } } },
      ];
    }),
  );

const PROJECTS = {
  ...naps('nap', 6, (id) => sampleCommand(id, { sleep: 600 }), 'nap'),
  // The first one fails immediately; without --nxBail, the others would still run, one after the other.
  ...naps('bail', 6, (id) => sampleCommand(id, id === 'bail1:bail' ? { exit: 1 } : { sleep: 700 }), 'bail'),
  configured: {
    root: 'libs/configured',
    targets: {
      pack: {
        command: sampleCommand('configured:pack', { writes: 'dist/libs/configured/out.txt' }),
        configurations: {
          production: {
            command: sampleCommand('configured:pack', { lines: 2, writes: 'dist/libs/configured/out.txt' }),
          },
        },
      },
    },
  },
};

describe('arguments of an nx command', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({
      projects: PROJECTS,
      targetDefaults: {
        nap: { cache: true },
        bail: { cache: true },
        pack: { cache: true, outputs: ['{workspaceRoot}/dist/{projectRoot}'] },
      },
    });
    pipeline = await Pipeline.start(fleet, 2);
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  it('--parallel is the number of tasks at a time on each agent', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'nap', '--parallel=1', '--skip-nx-cache']);

    expectExit(exit, 0, pipeline);
    expect(mostAtOnce(fleet.journal(), 'agent-1')).toBe(1);
    expect(mostAtOnce(fleet.journal(), 'agent-2')).toBe(1);
    expect(mostAtOnce(fleet.journal())).toBe(2);
  });

  it('--skip-nx-cache runs everything again, even if every cache has it, and its outputs arrive', async () => {
    expectExit(await pipeline.nx(AFFECTED), 0, pipeline);
    fleet.clearJournal();
    pipeline.main.forget();

    const exit = await pipeline.nx([...AFFECTED, '--skip-nx-cache']);

    expectExit(exit, 0, pipeline);
    expect(Object.keys(ranOn(fleet.journal())).sort()).toEqual(AFFECTED_TASKS);
    expect(machinesOf(fleet.journal())).not.toContain('main');
    expect(pipeline.main.exists('dist/apps/shop/out.txt')).toBe(true);
  });

  it('--nxBail starts nothing more after the first failure', async () => {
    const command = ['run-many', '-t', 'bail', '--parallel=1', '--nxBail', '--skip-nx-cache'];
    const exit = await pipeline.nx(command);

    // One ran at the same time as the failed one; a third may already have been assigned.
    expect(Object.keys(ranOn(fleet.journal())).length).toBeLessThanOrEqual(3);
    expect(machinesOf(fleet.journal())).not.toContain('main');
    const alone = await fleet.machine('alone', { ci: false, env: { CI: 'true' } }).nx(command);
    expect(exit.code).toBe(alone.code);
    expect(exit.code).not.toBe(0);
  });

  it('without --nxBail, the rest runs although a task failed', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'bail', '--parallel=3', '--skip-nx-cache']);

    expectExit(exit, 1, pipeline);
    expect(Object.keys(ranOn(fleet.journal()))).toHaveLength(6);
  });

  it('--configuration selects the options of the task on the agent', async () => {
    const exit = await pipeline.nx(['run', 'configured:pack:production', '--output-style=static']);
    const other = await pipeline.nx([
      'run-many',
      '-t',
      'pack',
      '--configuration=production',
      '--skip-nx-cache',
      '--output-style=static',
    ]);

    expect(plain(exit.output)).toMatch(/configured:pack on agent-\d as production\n.*line 1/);
    expect(plain(other.output)).toMatch(/configured:pack on agent-\d as production\n.*line 1/);
    expect(pipeline.main.exists('dist/libs/configured/out.txt')).toBe(true);
  });

  it('forwards unknown arguments to the command of the task', async () => {
    const exit = await pipeline.nx([
      'run',
      'configured:pack',
      '--output-style=static',
      '--',
      '--shard=2',
      "it's one",
    ]);
    const many = await pipeline.nx(['run-many', '-t', 'pack', '--output-style=static', '--shard=3']);

    expect(plain(exit.output)).toMatch(/configured:pack on agent-\d with --shard=2 it's one/);
    expect(plain(many.output)).toMatch(/configured:pack on agent-\d with --shard=3/);
  });

  it.each(['--no-agents', '--no-dte'])('%s runs the command on the main job alone', async (flag) => {
    pipeline.main.forget();

    const exit = await pipeline.nx(['run-many', '-t', 'pack', '--skip-nx-cache', flag]);

    expectExit(exit, 0, pipeline);
    expect(machinesOf(fleet.journal())).toEqual(['main']);
    expect(ownLines(exit.output)).toEqual([]);
  });
});
