import { rmSync } from 'node:fs';
import {
  DEFAULT_NX_VERSION,
  Pipeline,
  type Fleet,
  type ProcessExit,
  type RunOptions,
  type SampleProject,
} from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { ownLines, plain } from '../support/log';
import { publishedPackage, publishFleet, showCommand } from '../support/publish-workspace';

const ONE = 'dist/packages/one/version.txt';

/** A package with tasks that read its dist: `show` declares that with dependsOn, `deploy` and `upload` do not. */
function readPackage(name: string): SampleProject {
  const { targets, ...rest } = publishedPackage(name);
  const file = `dist/packages/${name}/version.txt`;
  return {
    ...rest,
    targets: {
      ...targets,
      show: { cache: false, dependsOn: ['build'], command: showCommand(`shown ${name}`, file) },
      test: { cache: true, dependsOn: ['build'], command: showCommand(`tested ${name}`, file) },
      deploy: { cache: false, command: showCommand(`deployed ${name}`, file) },
      upload: { cache: false, command: showCommand(`uploaded ${name}`, file) },
      after: { cache: false, dependsOn: ['deploy'], command: showCommand(`after ${name}`, file) },
    },
  };
}

const checked = (name: string, more: object = {}): SampleProject => ({
  root: `libs/${name}`,
  targets: {
    check: {
      cache: true,
      command: `node -e "console.log('checked ${name} 1 on ' + process.env.MACHINE)"`,
      ...more,
    },
    late: {
      cache: true,
      dependsOn: ['base'],
      inputs: ['default', { dependentTasksOutputFiles: '**/*' }],
      command: showCommand(`late ${name}`, `libs/${name}/source.txt`),
    },
    base: {
      cache: true,
      inputs: [],
      outputs: [`{workspaceRoot}/dist/base/${name}`],
      command: `mkdir -p dist/base/${name} && date > dist/base/${name}/t`,
    },
    narrow: { cache: false, inputs: [], command: showCommand(`narrow ${name}`, `libs/${name}/source.txt`) },
  },
});

const PUBLISH = `require('nx/release').releasePublish({}).then((results) => {
  process.exit(Object.values(results).some(({ code }) => code !== 0) ? 1 : 0);
});
`;
const SAID = /^(built|published|shown|tested|deployed|uploaded|after|checked|late|narrow) \S+ \S+( \S+)? on /;

describe("tasks that need the main job's disk", () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = publishFleet(DEFAULT_NX_VERSION, {
      projects: {
        one: readPackage('one'),
        two: readPackage('two'),
        same: checked('same'),
        fresh: checked('fresh'),
        gone: checked('gone'),
        still: checked('still'),
        bad: {
          root: 'libs/bad',
          targets: {
            first: {
              cache: false,
              command: `${showCommand('deployed bad', 'libs/bad/source.txt')} && exit 3`,
            },
            then: {
              cache: false,
              dependsOn: ['first'],
              command: showCommand('after bad', 'libs/bad/source.txt'),
            },
          },
        },
        both: checked('both', { inputs: ['default', { env: 'STAGE' }] }),
      },
      files: { 'tools/publish.cjs': PUBLISH },
    });
    pipeline = new Pipeline(fleet, fleet.machine('main'));
    await pipeline.startCiRun();
    pipeline.startAgent('agent-1', {}, fleet.machine('agent-1', { env: { STAGE: 'of the agent' } }));
    const exit = await nx(['run-many', '-t', 'build']);
    expect(said(exit)).toEqual(['built one 1.0.0 on agent-1', 'built two 1.0.0 on agent-1']);
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  /** Output of the sample commands, in order of names. */
  const said = ({ output }: ProcessExit): string[] =>
    plain(output)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => SAID.test(line))
      .sort();

  async function nx(args: readonly string[], env: RunOptions['env'] = {}, code = 0): Promise<ProcessExit> {
    const exit = await pipeline.nx([...args, '--output-style=static'], { env });
    expectExit(exit, code, pipeline);
    return exit;
  }

  it('a task that needs outputs which a script has changed runs there, the others on agents', async () => {
    pipeline.main.write(ONE, 'by a script\n');

    const exit = await nx(['run-many', '-t', 'show']);

    // As in plain Nx, the cached dependency is restored first.
    expect(said(exit)).toEqual([
      'built one 1.0.0 on agent-1',
      'built two 1.0.0 on agent-1',
      'shown one 1.0.0 on main',
      'shown two 1.0.0 on agent-1',
    ]);
    expect(ownLines(exit.output)).toContain(
      `dte: one:build and one:show run on the main job (${ONE} was changed after one:build created it)`,
    );
  });

  it('also with a cached task, an added file, and dependencies that the command excludes', async () => {
    pipeline.main.write('dist/packages/one/added.txt', 'x');
    const exit = await nx(['run-many', '-t', 'test', '-p', 'one,two']);
    expect(said(exit).slice(2)).toEqual(['tested one 1.0.0 on main', 'tested two 1.0.0 on agent-1']);

    pipeline.main.write(ONE, '2.0.0\n');
    const left = await nx(['run-many', '-t', 'show', '--exclude-task-dependencies']);
    expect(said(left)).toEqual(['shown one 2.0.0 on main', 'shown two 1.0.0 on main']);
  });

  it('a deployment without declared dependencies sees what is on the disk, and so do its dependents', async () => {
    pipeline.main.write(ONE, '1.1.0\n');

    const exit = await nx(['run-many', '-t', 'after']);

    expect(said(exit)).toEqual([
      'after one 1.1.0 on main',
      'after two 1.0.0 on main',
      'deployed one 1.1.0 on main',
      'deployed two 1.0.0 on main',
    ]);
    const lines = ownLines(exit.output).join('\n');
    expect(lines).toContain(`run on the main job (${ONE} was changed after one:build created it)`);
    expect(lines).toContain(
      'it may read dist/packages/two of two:build, which is not one of its dependencies',
    );
    // Allowing agents covers outputs that tasks made, not outputs that a script changed.
    const released = await nx(['run-many', '-t', 'deploy'], { DTE_RUN_ON_MAIN: '!deploy' });
    expect(said(released)).toEqual(['deployed one 1.1.0 on main', 'deployed two 1.0.0 on agent-1']);
  });

  it.each([
    ['nx run-many', async () => nx(['run-many', '-t', 'nx-release-publish'])],
    ['nx run', async () => nx(['run', 'one:nx-release-publish'])],
    ['releasePublish of nx/release', async () => pipeline.main.run('node', ['tools/publish.cjs'])],
  ])('%s publishes it', async (_, publish) => {
    const exit = await publish();

    expectExit(exit, 0, pipeline);
    expect(said(exit)).toContain('published one 1.1.0 on main');
    expect(ownLines(exit.output)[0]).toMatch(
      /one:nx-release-publish.* on the main job \(runOnMain: nx-release-publish\)$/,
    );
  });

  it('what nx release version has written is built and published there', async () => {
    expectExit(await pipeline.nx(['release', 'version', 'minor', '--verbose']), 0, pipeline);

    const build = await nx(['run-many', '-t', 'build']);
    const publish = await pipeline.nx(['release', 'publish', '--verbose']);

    expect(said(build)).toEqual(['built one 1.1.0 on main', 'built two 1.1.0 on main']);
    expect(ownLines(build.output).join('\n')).toContain('agents do not have: packages/one/version.txt)');
    expectExit(publish, 0, pipeline);
    expect(said(publish)).toEqual(['published one 1.1.0 on main', 'published two 1.1.0 on main']);
  });

  it('new, deleted and unnamed files of the working tree count, and nothing else stays', async () => {
    pipeline.main.write('libs/fresh/new.txt', 'x');
    rmSync(pipeline.main.path('libs/gone/source.txt'));
    pipeline.main.write('libs/same/source.txt', '2');
    // A project that agents do not know.
    const project = { name: 'born', targets: { check: checked('born').targets['check'] } };
    pipeline.main.write('libs/born/project.json', JSON.stringify(project));

    const exit = await nx(['run-many', '-t', 'check', '-p', 'fresh,gone,same,still,born']);
    const unseen = await nx(['run-many', '-t', 'late,narrow', '-p', 'same,still']);

    expect(said(exit)).toEqual([
      'checked born 1 on main',
      'checked fresh 1 on main',
      'checked gone 1 on main',
      'checked same 1 on main',
      'checked still 1 on agent-1',
    ]);
    expect(said(unseen)).toEqual([
      'late same 2 on main',
      'late still still on agent-1',
      'narrow same 2 on main',
      'narrow still still on agent-1',
    ]);
  });

  it('a failure there is the failure of the command, and skips its dependents, as in plain Nx', async () => {
    const command = ['run-many', '-t', 'then', '-p', 'bad', '--parallel=2'];
    const alone = await fleet.machine('alone', { ci: false, env: { CI: 'true' } }).nx(command);

    const exit = await pipeline.nx([...command, '--output-style=static'], {
      env: { DTE_RUN_ON_MAIN: 'first' },
    });

    expect(alone.code).not.toBe(0);
    expectExit(exit, alone.code ?? -1, pipeline);
    expect(said(exit)).toEqual(['deployed bad bad on main']);
  });

  it('if a variable differs as well, the task fails, and both are named', async () => {
    pipeline.main.write('libs/both/source.txt', '2');

    const exit = await nx(['run-many', '-t', 'check', '-p', 'both'], {}, 1);

    expect(plain(exit.output)).toMatch(
      /variable STAGE: set on the agent[^]*file libs\/both\/source\.txt: as committed on the agent, changed on the main job/,
    );
    expect(plain(exit.output)).not.toMatch(/flaky/i);
  });

  it('rules send tasks there, which find outputs that were not downloaded, and validate and plan report it', async () => {
    pipeline.main.write('.nx/dte.yaml', 'assignment-rules:\n  - targets: [upload]\n    run-on: main\n');
    for (const name of ['one', 'two']) pipeline.main.write(`packages/${name}/version.txt`, '1.0.0\n');
    const none = { DTE_RESTORE_OUTPUTS: 'none', DTE_MAIN_SLOTS: '1' };
    pipeline.main.forget();
    await nx(['run-many', '-t', 'build'], none);

    const exit = await nx(['run-many', '-t', 'upload,check', '-p', 'one,two,same'], none);

    expect(said(exit)).toEqual(
      expect.arrayContaining(['uploaded one 1.0.0 on main', 'uploaded two 1.0.0 on main']),
    );
    expect(ownLines(exit.output)[0]).toBe(
      'dte: one:upload and two:upload run on the main job (.nx/dte.yaml:2 (targets upload))',
    );
    const validate = await pipeline.dte(['validate'], { env: { DTE_RUN_ON_MAIN: 'narrow biuld' } });
    expectExit(validate, 0, pipeline);
    expect(plain(validate.output)).toMatch(
      /runOnMain +the main job[^]*targets upload +the main job[^]*runOnMain: no task of this workspace matches biuld/,
    );
  });
});
