import { expectExit } from '../support/expect-exit';
import { AFFECTED, Pipeline, sampleCommand, waitFor, type Fleet } from '@org/dte-testing';
import { machinesOf, mostAtOnce, ownLines, plain, ranOn } from '../support/log';
import { AFFECTED_TASKS, sampleFleet } from '../support/sample-fleet';

const FIVE = ['one', 'two', 'three', 'four', 'five'];

const PROJECTS = Object.fromEntries(
  Array.from({ length: 4 }, (_, index) => {
    const name = `p${index + 1}`;
    const targets = Object.fromEntries(
      FIVE.map((target) => [
        target,
        {
          cache: true,
          command: sampleCommand(`${name}:${target}`, {
            // Long enough for the executors of all slots to start while the first one works.
            sleep: target === 'one' ? 1_500 : 250,
            writes: `dist/libs/${name}/${target}.txt`,
          }),
          outputs: [`{workspaceRoot}/dist/{projectRoot}/${target}.txt`],
        },
      ]),
    );
    return [name, { root: `libs/${name}`, targets }];
  }),
);

describe('a session', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = sampleFleet({ projects: PROJECTS });
  });

  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  it('shares its agents among five concurrent commands of the main job, and none waits for another to finish', async () => {
    const pipeline = await Pipeline.start(fleet, 2);

    const exits = await Promise.all(
      FIVE.map((target) => pipeline.nx(['run-many', '-t', target, '--parallel=2'], { name: `nx ${target}` })),
    );

    expect(exits.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(Object.keys(ranOn(fleet.journal()))).toHaveLength(20);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1', 'agent-2']);
    expect(mostAtOnce(fleet.journal(), 'agent-1')).toBeLessThanOrEqual(2);
    expect(pipeline.main.filesBelow('dist')).toHaveLength(20);
    await pipeline.complete();
  });

  it('stores a recorded command, and reports what happened', async () => {
    const pipeline = await Pipeline.start(fleet, 1);
    await pipeline.nx(AFFECTED);

    const ok = await pipeline.dte(['record', '--', 'node', '-e', 'console.log("formatted")']);
    const failed = await pipeline.dte(['record', '--', 'node', '-e', 'process.exit(4)']);
    const status = await pipeline.dte(['status']);

    expect(ok).toMatchObject({ code: 0 });
    expect(ok.output).toContain('formatted');
    expect(failed.code).toBe(4);
    expect(status.code).toBe(0);
    expect(plain(status.output)).toContain('agent-1');
    expect(plain(status.output)).toMatch(/12/);
    expect(plain(status.output)).toMatch(/node -e/);
    await pipeline.complete();
  });

  it('releases its agents by itself when the targets of --stop-agents-after have run', async () => {
    const pipeline = new Pipeline(fleet, fleet.machine('main'), { DTE_EMBEDDED_LINGER_MS: '6000' });
    await pipeline.startCiRun(['--stop-agents-after=two']);
    const agents = [pipeline.startAgent('agent-1'), pipeline.startAgent('agent-2')];

    expectExit(await pipeline.nx(['run-many', '-t', 'one', '--parallel=2']), 0, pipeline);
    expect(agents.map(({ process }) => process.running)).toEqual([true, true]);
    expectExit(await pipeline.nx(['run-many', '-t', 'two', '--parallel=2']), 0, pipeline);

    for (const { process } of agents) expect((await process.end()).code).toBe(0);
    // An agent job that starts late has nothing to do and reports that.
    const late = await pipeline.startAgent('late').process.end();
    expect(late.code).toBe(0);
    await pipeline.everybodyGone();
  });

  it('is over for an agent that comes when all have left, and is reopened by a retried main job', async () => {
    const main = fleet.machine('main');
    const first = new Pipeline(fleet, main, { CI_JOB_ID: '1' });
    first.startAgent('agent-1');
    expectExit(await first.nx(['run-many', '-t', 'one', '--parallel=2']), 0, first);
    await first.complete();

    const late = await first.startAgent('late').process.end();
    expect(late.code).toBe(0);
    expect(plain(late.output)).toBe('dte: session pipeline-1 is finished; nothing to do\n');

    const again = new Pipeline(fleet, main, { CI_JOB_ID: '2' });
    const command = again.startNx(['run-many', '-t', 'two', '--parallel=2']);
    await command.waitForOutput('dte: session');
    again.startAgent('agent-2');
    expectExit(await command.end(), 0, again);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1', 'agent-2']);
    await again.complete();
  });

  it('waits for late agents, and uses their slots', async () => {
    const pipeline = new Pipeline(fleet, fleet.machine('main'));
    await pipeline.startCiRun();
    const main = pipeline.startNx(['run-many', '-t', 'one', '--parallel=1']);
    await waitFor('the command to be under way', () => main.output().includes('dte:'), {
      lastState: () => main.describe(),
    });
    pipeline.startAgent('agent-1', { args: ['--slots=4'] });

    expect((await main.end()).code).toBe(0);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1']);
    expect(mostAtOnce(fleet.journal())).toBeGreaterThan(1);
    await pipeline.complete();
  });

  it('is opened by the first nx command without start-ci-run, and agents that came first find it', async () => {
    const pipeline = new Pipeline(fleet, fleet.machine('main'));
    pipeline.startAgent('agent-1');

    const exit = await pipeline.nx(AFFECTED);

    expectExit(exit, 0, pipeline);
    expect(Object.keys(ranOn(fleet.journal())).sort()).toEqual(AFFECTED_TASKS);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1']);
    expect(ownLines(exit.output).length).toBeLessThanOrEqual(3);
    await pipeline.complete();
  });

  it("shows each task with its output in the agent's log while it runs", async () => {
    const pipeline = await Pipeline.start(fleet, 1);
    await pipeline.nx(AFFECTED);

    const log = plain(pipeline.agent('agent-1').process.output());
    for (const id of AFFECTED_TASKS) expect(log).toContain(id);
    expect(log).toContain('alpha:lint line 2');
    await pipeline.complete();
  });
});
