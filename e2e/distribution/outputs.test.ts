import { Pipeline, sampleCommand, type Fleet } from '@org/dte-testing';
import { rmSync } from 'node:fs';
import { expectExit } from '../support/expect-exit';
import { machinesOf, ownLines, plain, ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

/** base:gen (never cached) <- lib:pack <- app:pack, and a task that can run only on the main job and needs all of them. */
const PROJECTS = {
  base: {
    root: 'libs/base',
    targets: {
      gen: {
        cache: false,
        command: sampleCommand('base:gen', { writes: 'tmp/base/gen.txt', lines: 1, kb: 300 }),
        outputs: ['{workspaceRoot}/tmp/base'],
      },
    },
  },
  lib: {
    root: 'libs/lib',
    targets: {
      pack: {
        cache: true,
        dependsOn: [{ projects: ['base'], target: 'gen' }],
        command: sampleCommand('lib:pack', {
          needs: 'tmp/base/gen.txt',
          writes: 'dist/libs/lib/out.txt,dist/libs/lib/report/coverage.txt',
          lines: 2,
        }),
        outputs: ['{workspaceRoot}/dist/{projectRoot}'],
      },
      broken: {
        cache: true,
        command: sampleCommand('lib:broken', { writes: 'tmp/broken/log.txt', exit: 3 }),
        outputs: ['{workspaceRoot}/tmp/broken'],
      },
    },
  },
  app: {
    root: 'apps/app',
    dependsOn: ['lib'],
    targets: {
      pack: {
        cache: true,
        dependsOn: ['^pack'],
        command: sampleCommand('app:pack', {
          needs: 'dist/libs/lib/out.txt',
          writes: 'dist/apps/app/out.txt',
        }),
        outputs: ['{workspaceRoot}/dist/{projectRoot}'],
      },
    },
  },
};

describe('where outputs go', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS });
    pipeline = await Pipeline.start(fleet, 2);
  });

  afterAll(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  const has = (path: string): boolean => pipeline.main.exists(path);
  const nx = (args: string[], restoreOutputs: string, globs = '') =>
    pipeline.nx(args, {
      env: { DTE_RESTORE_OUTPUTS: restoreOutputs, ...(globs === '' ? {} : { DTE_RESTORE_GLOBS: globs }) },
    });

  it('with none, everything is shown, only files that match are downloaded, and outputs of an earlier run are removed', async () => {
    pipeline.main.write('dist/apps/app/out.txt', 'of an earlier run');

    const exit = await nx(['run', 'app:pack', '--output-style=static'], 'none', '**/report/**');

    expectExit(exit, 0, pipeline);
    for (const line of ['base:gen line 1', 'lib:pack line 2', 'app:pack on agent-'])
      expect(plain(exit.output)).toContain(line);
    expect(['tmp/base/gen.txt', 'dist/libs/lib/out.txt', 'dist/apps/app/out.txt'].map(has)).toEqual([
      false,
      false,
      false,
    ]);
    expect(has('dist/libs/lib/report/coverage.txt')).toBe(true);
    expect(ownLines(exit.output).at(-1)).toMatch(
      /^dte: 3 outputs \(\d+\.\d MB\) not downloaded · dte outputs <task>$/,
    );
  });

  it('dte outputs lists what was not downloaded, and restores it', async () => {
    const listed = await pipeline.dte(['outputs']);
    expect(plain(listed.output)).toMatch(/lib:pack +\d+\.\d MB +dist\/libs\/lib +nx run app:pack/);

    const cached = await pipeline.dte(['outputs', 'lib:pack', 'base:gen']);

    expect(cached.code).toBe(0);
    expect(plain(cached.output)).toContain('dte: 2 outputs downloaded');
    expect(pipeline.main.read('tmp/base/gen.txt')).toMatch(/^base:gen\n/);
    expect(pipeline.main.filesBelow('dist/libs/lib')).toEqual(['out.txt', 'report/coverage.txt']);
    expect(has('dist/apps/app')).toBe(false);
    expect(await pipeline.dte(['outputs', 'no:such'])).toMatchObject({
      code: 1,
      output: expect.stringContaining('DTE_OUTPUTS_UNKNOWN') as string,
    });
  });

  it('with requested, outputs of the named tasks are downloaded, and hits are marked', async () => {
    fleet.clearJournal();
    rmSync(pipeline.main.path('dist'), { recursive: true });
    const exit = await nx(['run', 'app:pack', '--output-style=static'], 'requested');

    expectExit(exit, 0, pipeline);
    expect(Object.keys(ranOn(fleet.journal()))).toEqual(['base:gen']);
    expect(plain(exit.output)).toContain('app:pack  [remote cache]');
    // `dte outputs` has put this one into the cache of this machine.
    expect(plain(exit.output)).toContain('lib:pack  [local cache]');
    expect(has('dist/apps/app/out.txt')).toBe(true);
    expect(ownLines(exit.output).at(-1)).toContain('dte: 1 output (');
  });

  it('downloads the outputs of a failure in any case', async () => {
    const exit = await nx(['run', 'lib:broken'], 'none');

    expectExit(exit, 1, pipeline);
    expect(has('tmp/broken/log.txt')).toBe(true);
  });

  it('does not treat a failure that Nx has cached for another command as a success (NX_CACHE_FAILURES)', async () => {
    const env = { DTE_RESTORE_OUTPUTS: 'none', NX_CACHE_FAILURES: 'true' };
    expectExit(await pipeline.nx(['run', 'lib:broken'], { env }), 1, pipeline);

    expectExit(await nx(['run', 'lib:broken'], 'none'), 1, pipeline);
    expectExit(await nx(['run', 'lib:broken'], 'none', 'tmp/**'), 1, pipeline);
  });

  it('downloads what a task needs that runs here after all', async () => {
    fleet.clearJournal();
    rmSync(pipeline.main.path('dist'), { recursive: true });
    // No agent can run it: agents do not know a project that exists only on this machine.
    pipeline.main.write(
      'apps/mine/project.json',
      JSON.stringify({
        name: 'mine',
        targets: {
          pack: {
            command: sampleCommand('mine:pack', { needs: 'dist/libs/lib/out.txt,tmp/base/gen.txt' }),
            dependsOn: [{ projects: ['lib'], target: 'pack' }],
          },
        },
      }),
    );

    const exit = await nx(['run', 'mine:pack', '--skip-nx-cache', '--output-style=static'], 'none');

    expectExit(exit, 0, pipeline);
    expect(machinesOf(fleet.journal().filter(({ id }) => id === 'mine:pack'))).toEqual(['main']);
    expect(machinesOf(fleet.journal().filter(({ id }) => id === 'lib:pack'))).not.toEqual(['main']);
    expect(has('dist/libs/lib/out.txt')).toBe(true);
  });

  it('can be fetched after the session has ended and its coordinator has left', async () => {
    await pipeline.complete();
    rmSync(pipeline.main.path('tmp'), { recursive: true });

    const exit = await pipeline.dte(['outputs', 'base:gen']);

    expectExit(exit, 0, pipeline);
    expect(pipeline.main.read('tmp/base/gen.txt')).toMatch(/^base:gen\n/);
    await pipeline.everybodyGone();
  });
});
