import { Pipeline, sampleCommand, type Fleet, type ProcessExit, type SampleProject } from '@org/dte-testing';
import { rmSync } from 'node:fs';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { plain, ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

/** Succeeds with whatever lies at a path, as an upload of a folder does. */
const upload = (what: string, path: string): string =>
  `node -e "console.log('${what} ' + (require('fs').existsSync('${path}') ? 'all of it' : 'nothing'))"`;
/** The same by a script: the configuration of the target names no path. */
const SCRIPT = `console.log('sent ' + (require('fs').existsSync('dist/libs/lib/out.txt') ? 'all of it' : 'nothing'));\n`;

/** Says which files lie below a folder. */
const list = (what: string, folder: string): string =>
  `node -e "console.log('${what} ' + require('fs').readdirSync('${folder}',{recursive:true}).sort().join(' '))"`;

const CHECK = `const [, , name] = process.argv;
const { existsSync } = require('fs');
console.log('checked ' + name + (existsSync('dist/libs/' + name + '/out.txt') ? ' all of it' : ' nothing'));
`;

/** The outputs of `types` lie within those of `pack`, on which it does not depend; `list` reads both without a dependsOn. */
const nested = (name: string): SampleProject => ({
  root: `libs/${name}`,
  targets: {
    pack: {
      cache: true,
      command: sampleCommand(`${name}:pack`, { writes: `dist/libs/${name}/out.txt` }),
      outputs: ['{workspaceRoot}/dist/{projectRoot}'],
    },
    types: {
      cache: true,
      command: sampleCommand(`${name}:types`, { writes: `dist/libs/${name}/types/index.txt` }),
      outputs: ['{workspaceRoot}/dist/{projectRoot}/types'],
    },
    list: { cache: false, command: list(`listed ${name}`, `dist/libs/${name}`) },
    // Its configuration names no path.
    check: { cache: true, dependsOn: ['pack'], command: `node tools/check.cjs ${name}` },
  },
});

/** lib:pack and lib:gen have outputs that `restoreOutputs` leaves elsewhere; tasks of app read them without a dependsOn. */
const PROJECTS = {
  together: nested('together'),
  between: nested('between'),
  excluded: nested('excluded'),
  lib: {
    root: 'libs/lib',
    targets: {
      pack: {
        cache: true,
        command: sampleCommand('lib:pack', { writes: 'dist/libs/lib/out.txt' }),
        outputs: ['{workspaceRoot}/dist/{projectRoot}'],
      },
      gen: {
        cache: false,
        command: sampleCommand('lib:gen', { writes: 'tmp/gen/out.txt' }),
        outputs: ['{workspaceRoot}/tmp/gen'],
      },
    },
  },
  app: {
    root: 'apps/app',
    dependsOn: ['lib'],
    targets: {
      upload: { cache: false, command: upload('uploaded', 'dist/libs/lib/out.txt') },
      send: { cache: false, command: 'node tools/send.cjs' },
      release: { cache: false, command: upload('released', 'tmp/gen/out.txt') },
      beside: { cache: false, command: upload('beside', 'package.json') },
    },
  },
};

/** Nothing answers there. */
const UNREACHABLE = { DTE_COORDINATOR_URL: 'http://127.0.0.1:9', DTE_CONNECT_TIMEOUT_MS: '500' };

describe('a command that cannot reach its coordinator, after one that has left outputs elsewhere', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS, files: { 'tools/send.cjs': SCRIPT } });
    pipeline = await Pipeline.start(fleet, 1, { DTE_RESTORE_OUTPUTS: 'none' });
    expectExit(
      await pipeline.nx(['run-many', '-t', 'pack,gen', '-p', 'lib', '--skip-nx-cache']),
      0,
      pipeline,
    );
    expect(['dist/libs/lib', 'tmp/gen'].map((path) => pipeline.main.exists(path))).toEqual([false, false]);
    fleet.clearJournal();
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  const alone = (targets: string): Promise<ProcessExit> =>
    pipeline.nx(['run-many', '-t', targets, '-p', 'app', '--output-style=static'], { env: UNREACHABLE });

  it('fails a task whose inputs cannot be made here, names them, and runs the others', async () => {
    const exit = await alone('release,beside');

    expectExit(exit, 1, pipeline);
    const said = plain(exit.output);
    expect(said).toContain('beside all of it');
    expect(said).not.toContain('released nothing');
    expect(said).toMatch(/The outputs of lib:gen.* are not available[^]*DTE_OUTPUTS_ELSEWHERE/);
  });

  it('runs the task that makes them again, before other tasks read them', async () => {
    const exit = await alone('upload,send');

    expectExit(exit, 0, pipeline);
    for (const line of ['uploaded all of it', 'sent all of it']) expect(plain(exit.output)).toContain(line);
    expect(ranOn(fleet.journal())).toEqual({ 'lib:pack': ['main'] });
  });
});

describe('a command with --no-agents or --no-dte, after one that has left outputs elsewhere', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS, files: { 'tools/send.cjs': SCRIPT } });
    pipeline = await Pipeline.start(fleet, 1, { DTE_RESTORE_OUTPUTS: 'none' });
    const made = ['run-many', '-t', 'pack,gen', '-p', 'lib', '--skip-nx-cache'];
    expectExit(await pipeline.nx(made), 0, pipeline);
    fleet.clearJournal();
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  const alone = (flag: string, targets: string): Promise<ProcessExit> =>
    pipeline.nx(['run-many', '-t', targets, '-p', 'app', '--output-style=static', flag]);

  it.each(['--no-agents', '--no-dte'])(
    '%s: fails a task whose inputs cannot be made here, and runs the others',
    async (flag) => {
      const exit = await alone(flag, 'release,beside');

      expectExit(exit, 1, pipeline);
      const said = plain(exit.output);
      expect(said).toContain('beside all of it');
      expect(said).not.toContain('released nothing');
      expect(said).toMatch(/The outputs of lib:gen.* are not available[^]*DTE_OUTPUTS_ELSEWHERE/);
    },
  );

  it('runs the task that makes them again, before other tasks read them', async () => {
    const exit = await alone('--no-agents', 'upload,send');

    expectExit(exit, 0, pipeline);
    for (const line of ['uploaded all of it', 'sent all of it']) expect(plain(exit.output)).toContain(line);
    expect(ranOn(fleet.journal())).toEqual({ 'lib:pack': ['main'] });
  });
});

describe('outputs that an earlier command has left elsewhere, and those that lie within them', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS, files: { 'tools/check.cjs': CHECK } });
    pipeline = await Pipeline.start(fleet, 1);
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  const nx = async (restoreOutputs: string, ...args: string[]): Promise<string> => {
    const exit = await pipeline.nx([...args, '--output-style=static'], {
      env: { DTE_RESTORE_OUTPUTS: restoreOutputs },
    });
    expectExit(exit, 0, pipeline);
    return plain(exit.output);
  };

  it('are brought without those of a task of the same command being lost', async () => {
    await nx('none', 'run', 'together:pack');
    const said = await nx('all', 'run-many', '-t', 'types,list', '-p', 'together');
    expect(said).toContain('listed together out.txt types types/index.txt');
  });

  it('are brought although a command between has put others there, which stay', async () => {
    await nx('none', 'run', 'between:pack');
    await nx('all', 'run', 'between:types');
    expect(await nx('all', 'run', 'between:list')).toContain('listed between out.txt types types/index.txt');
    // The next command finds all of it as it was made.
    expect(await nx('all', 'run', 'between:list')).toContain('listed between out.txt types types/index.txt');
  });

  it.each(['all', 'none'])(
    'are there for a task whose command leaves out its dependencies (%s)',
    async (restoreOutputs) => {
      await nx(restoreOutputs, 'run', 'excluded:pack', '--skip-nx-cache');
      // Another agent would not have them.
      rmSync(pipeline.agent('agent-1').machine.path('dist'), { recursive: true });
      const said = await nx(
        restoreOutputs,
        'run',
        'excluded:check',
        '--exclude-task-dependencies',
        '--skip-nx-cache',
      );
      expect(said).toContain('checked excluded all of it');
    },
  );
});
