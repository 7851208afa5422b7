import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { Pipeline, sampleCommand, type Fleet } from '@org/dte-testing';
import { machinesOf, plain, ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

const many = (prefix: string, count: number, targets: (name: string) => Record<string, object>) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const name = `${prefix}${index + 1}`;
      return [name, { root: `libs/${name}`, targets: targets(name) }];
    }),
  );

const PROJECTS = {
  // prepare is never cached; both agents need its outputs.
  ground: {
    root: 'libs/ground',
    targets: {
      prepare: {
        cache: false,
        command: sampleCommand('ground:prepare', {
          writes: 'tmp/ground/a.txt,tmp/ground/deep/er/b.txt',
          kb: 64,
        }),
        outputs: ['{workspaceRoot}/tmp/ground'],
      },
    },
  },
  ...many('user', 4, (name) => ({
    use: {
      cache: true,
      dependsOn: [{ projects: ['ground'], target: 'prepare' }],
      command: sampleCommand(`${name}:use`, {
        needs: 'tmp/ground/deep/er/b.txt',
        writes: `dist/libs/${name}/used.txt`,
        sleep: 300,
      }),
      outputs: ['{workspaceRoot}/dist/{projectRoot}'],
    },
  })),
  ...many('mixed', 4, (name) => ({
    mixed: { cache: true, command: sampleCommand(`${name}:mixed`, { sleep: 400 }) },
  })),
  loner: {
    root: 'libs/loner',
    targets: {
      mixed: { cache: true, parallelism: false, command: sampleCommand('loner:mixed', { sleep: 400 }) },
    },
  },
  parent: {
    root: 'libs/parent',
    targets: {
      all: { executor: 'nx:noop', dependsOn: ['part-a', 'part-b'] },
      'part-a': { cache: true, command: sampleCommand('parent:part-a') },
      'part-b': { cache: true, command: sampleCommand('parent:part-b') },
    },
  },
  broken: {
    root: 'libs/broken',
    targets: {
      report: {
        cache: true,
        command: sampleCommand('broken:report', { writes: 'dist/libs/broken/report.txt', exit: 3, lines: 1 }),
        outputs: ['{workspaceRoot}/dist/{projectRoot}'],
      },
    },
  },
};

describe('kinds of tasks', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS });
    pipeline = await Pipeline.start(fleet, 2);
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  it('an uncached task gives its files to dependents on another agent and to the main job', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'use', '--parallel=1']);

    expectExit(exit, 0, pipeline);
    const ran = ranOn(fleet.journal());
    expect(ran['ground:prepare']).toHaveLength(1);
    expect(machinesOf(fleet.journal().filter(({ id }) => id.endsWith(':use')))).toEqual([
      'agent-1',
      'agent-2',
    ]);
    expect(pipeline.main.read('tmp/ground/a.txt')).toMatch(/^ground:prepare\n/);
    expect(pipeline.main.filesBelow('tmp/ground')).toEqual(['a.txt', 'deep/er/b.txt']);
  });

  it('and runs again each time', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'use', '--parallel=1']);

    expectExit(exit, 0, pipeline);
    expect(Object.keys(ranOn(fleet.journal()))).toContain('ground:prepare');
  });

  it('a task without parallelism runs alone on its agent', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'mixed', '--parallel=2']);

    expectExit(exit, 0, pipeline);
    const journal = fleet.journal();
    const [start, end] = journal.filter(({ id }) => id === 'loner:mixed');
    const beside = journal.filter(
      ({ id, machine, at }) =>
        id !== 'loner:mixed' && machine === start!.machine && at > start!.at && at < end!.at,
    );
    expect(beside).toEqual([]);
    expect(Object.keys(ranOn(journal))).toHaveLength(5);
  });

  it('a target that does nothing needs no agent and ends with its dependencies', async () => {
    const exit = await pipeline.nx(['run', 'parent:all', '--output-style=static']);

    expectExit(exit, 0, pipeline);
    expect(Object.keys(ranOn(fleet.journal())).sort()).toEqual(['parent:part-a', 'parent:part-b']);
    expect(plain(exit.output)).toContain('parent:part-b on agent-');
  });

  it('the files of a failed task are on the main job', async () => {
    const exit = await pipeline.nx(['run', 'broken:report']);

    expectExit(exit, 1, pipeline);
    expect(plain(exit.output)).toContain('broken:report line 1');
    expect(pipeline.main.read('dist/libs/broken/report.txt')).toBe('broken:report\n');
    expect(machinesOf(fleet.journal())).not.toContain('main');
  });

  it('a failed task runs again the next time', async () => {
    const exit = await pipeline.nx(['run', 'broken:report']);

    expectExit(exit, 1, pipeline);
    expect(fleet.journal()).not.toEqual([]);
  });
});
