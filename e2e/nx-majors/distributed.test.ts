import { expectExit } from '../support/expect-exit';
import { AFFECTED, NX_VERSIONS, Pipeline, type Fleet } from '@org/dte-testing';
import { machinesOf, ownLines, plain, ranOn } from '../support/log';
import { CANARY, filesWithCanary, SPY_SCRIPT } from '../support/spy';
import { AFFECTED_OUTPUTS, AFFECTED_TASKS, sampleFleet } from '../support/sample-fleet';
import { sampleCommand } from '@org/dte-testing';

const FAILING = {
  first: {
    root: 'libs/first',
    targets: {
      check: {
        command: sampleCommand('first:check', { lines: 3, exit: 7, writes: 'dist/libs/first/found.txt' }),
      },
    },
  },
  second: {
    root: 'libs/second',
    dependsOn: ['first'],
    targets: { check: { command: sampleCommand('second:check') } },
  },
};

const SPY = { root: 'libs/spy', targets: { spy: { command: 'node tools/spy.cjs' } } };

describe.each(NX_VERSIONS)('nx %s', (nx) => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({
      nx,
      projects: { ...FAILING, spy: SPY },
      files: { 'tools/spy.cjs': SPY_SCRIPT },
      targetDefaults: {
        check: { dependsOn: ['^check'], cache: true, outputs: ['{workspaceRoot}/dist/{projectRoot}'] },
      },
    });
    pipeline = await Pipeline.start(fleet, 2, { DTE_SECRET: CANARY });
  });

  afterAll(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  it('runs every affected task once, on both agents, and has all outputs on the main job', async () => {
    const exit = await pipeline.nx(AFFECTED);

    expect(`${exit.output}\n${exit.code === 0 ? '' : pipeline.describe()}`).toContain(
      'Successfully ran target',
    );
    expectExit(exit, 0, pipeline);
    const ran = ranOn(fleet.journal());
    expect(Object.keys(ran).sort()).toEqual(AFFECTED_TASKS);
    expect(Object.values(ran).map((machines) => machines.length)).toEqual(AFFECTED_TASKS.map(() => 1));
    expect(machinesOf(fleet.journal())).toEqual(['agent-1', 'agent-2']);
    expect(AFFECTED_OUTPUTS.filter((path) => !pipeline.main.exists(path))).toEqual([]);
    // What shop built contains what beta and gamma built of alpha.
    expect(pipeline.main.read('dist/apps/shop/out.txt')).toBe(
      'shop:build\nbeta:build\nalpha:build\ngamma:build\nalpha:build\n',
    );
    expect(ownLines(exit.output).length).toBeLessThanOrEqual(3);
  });

  it('takes everything from the cache of the session when the main job has forgotten everything', async () => {
    pipeline.main.forget();

    const exit = await pipeline.nx(AFFECTED);

    expectExit(exit, 0, pipeline);
    expect(fleet.journal()).toEqual([]);
    expect(plain(exit.output)).toMatch(
      /from the cache instead of running the command for 12 out of 12 tasks/,
    );
    expect(AFFECTED_OUTPUTS.filter((path) => !pipeline.main.exists(path))).toEqual([]);
  });

  it('takes everything from its own cache when it has not', async () => {
    const exit = await pipeline.nx(AFFECTED);

    expectExit(exit, 0, pipeline);
    expect(fleet.journal()).toEqual([]);
    expect(plain(exit.output)).toMatch(/for 12 out of 12 tasks/);
  });

  it('fails with the output and the files of a failed task, and skips what depends on it', async () => {
    const command = ['run-many', '-t', 'check', '--parallel=2'];
    const exit = await pipeline.nx(command);

    expect(plain(exit.output)).toContain('first:check line 3');
    expect(Object.keys(ranOn(fleet.journal()))).toEqual(['first:check']);
    expect(machinesOf(fleet.journal())).not.toContain('main');
    expect(pipeline.main.read('dist/libs/first/found.txt')).toBe('first:check\n');
    // 1 when a task failed; from 23 on Nx says 130 when it skipped one.
    const alone = await fleet.machine('alone', { ci: false, env: { CI: 'true' } }).nx(command);
    expect(exit.code).toBe(alone.code);
    expect([1, 130]).toContain(exit.code);
  });

  it('gives no task what proves who the job is, wherever it runs, and leaves it in no file', async () => {
    const spy = ['run-many', '-t', 'spy', '--skip-nx-cache', '--output-style=static'];
    const out = { DTE_COORDINATOR_URL: 'http://127.0.0.1:9', DTE_CONNECT_TIMEOUT_MS: '500' };
    const runs = [
      ['agent', await pipeline.nx(spy)],
      ['main', await pipeline.nx([...spy, '--no-dte'])],
      ['main', await pipeline.nx(spy, { env: out })],
    ] as const;

    for (const [where, exit] of runs) {
      expect(plain(exit.output)).toMatch(new RegExp(`spy on ${where}\\S* looked at true, found: nothing`));
      expectExit(exit, 0, pipeline);
    }
    expect(filesWithCanary(fleet.folder)).toEqual([]);
  });

  it('lets agents and coordinator go when the main job says that it is done', async () => {
    const exits = await pipeline.complete();

    expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  });
});
