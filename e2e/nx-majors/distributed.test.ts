import { expectExit } from '../support/expect-exit';
import { AFFECTED, NX_VERSIONS, Pipeline, type Fleet, type Machine } from '@org/dte-testing';
import { countWork } from '../support/count-work';
import { machinesOf, ownLines, plain, ranOn } from '../support/log';
import { NX_DEFAULT_PROCESSES } from '../support/light-nx';
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

/** A plugin of the workspace: its executor has its own hasher, so Nx hashes the tasks right before it runs them. */
const PLUGIN = {
  'tools/inspector/package.json': { name: 'inspector', version: '0.0.0', executors: './executors.json' },
  'tools/inspector/executors.json': {
    executors: { inspect: { implementation: './run.cjs', schema: './schema.json', hasher: './hasher.cjs' } },
  },
  'tools/inspector/schema.json': { type: 'object', properties: {} },
  'tools/inspector/run.cjs': `
const { execFileSync } = require('node:child_process');
module.exports = async (options, { projectName, root }) => {
  execFileSync(process.execPath, ['tools/task.cjs', projectName + ':inspect'], { cwd: root, stdio: 'inherit' });
  return { success: true };
};`,
  'tools/inspector/hasher.cjs': `
module.exports = async (task, context) => {
  const { value } = await context.hasher.hashTask(task, context.taskGraph, context.env);
  return { value: 'inspect' + value, details: { command: '', nodes: {} } };
};`,
};

const INSPECTED = ['near', 'far'];
const withInspection = Object.fromEntries(
  INSPECTED.map((name) => [
    name,
    { root: `libs/${name}`, targets: { inspect: { executor: './tools/inspector:inspect', cache: true } } },
  ]),
);
const SPY = { root: 'libs/spy', targets: { spy: { command: 'node tools/spy.cjs' } } };

/** A plugin whose hook sets a variable for the tasks, and one that describes this machine. */
const HOOK = `
exports.name = 'hook';
exports.createNodesV2 = ['no-such-file.json', () => []];
exports.preTasksExecution = () => {
  process.env.FROM_HOOK = 'v' + 1;
  process.env.TOOL_FOLDER = process.cwd() + '/tools';
};`;

/** An executor that Nx cannot run: its hasher throws. */
const REFUSED = {
  // Nx 22 and later look for it when they load a plugin of the workspace.
  'tsconfig.base.json': '{ "compilerOptions": { "paths": {} } }',
  'tools/own/package.json': '{ "name": "own", "version": "0.0.0", "executors": "./executors.json" }',
  'tools/own/executors.json':
    '{ "executors": { "go": { "implementation": "./go.js", "schema": "./schema.json", "hasher": "./hasher.js" } } }',
  'tools/own/schema.json': '{ "type": "object", "properties": {} }',
  'tools/own/go.js': 'module.exports = async () => ({ success: true });',
  'tools/own/hasher.js': `module.exports = async () => { throw new Error('no hash today'); };`,
};

const OUTSIDE = '../../../outside';

const LIKE_PLAIN = {
  hooked: {
    root: 'libs/hooked',
    targets: {
      show: { command: 'echo hook=$FROM_HOOK on=$MACHINE', cache: true, inputs: [{ env: 'FROM_HOOK' }] },
    },
  },
  above: {
    root: 'libs/above',
    targets: {
      up: {
        command: `${sampleCommand('above:up')} && mkdir -p ../outside && echo up > ../outside/file`,
        cache: true,
        outputs: [`{projectRoot}/${OUTSIDE}`],
      },
    },
  },
  refused: { root: 'libs/refused', targets: { go: { executor: './tools/own:go' } } },
};

describe.each(NX_VERSIONS)('nx %s', (nx) => {
  let fleet: Fleet;
  let pipeline: Pipeline;
  let alone: Machine;

  beforeAll(async () => {
    fleet = sampleFleet({
      nx,
      projects: { ...FAILING, ...withInspection, ...LIKE_PLAIN, spy: SPY },
      files: { ...PLUGIN, ...REFUSED, 'tools/spy.cjs': SPY_SCRIPT, 'tools/hook.js': HOOK },
      nxJson: { plugins: ['./tools/hook.js'] },
      targetDefaults: {
        // Declared and not written, like coverage of tests that run without it.
        lint: { cache: true, outputs: ['{projectRoot}/reports'] },
        check: { dependsOn: ['^check'], cache: true, outputs: ['{workspaceRoot}/dist/{projectRoot}'] },
      },
    });
    pipeline = await Pipeline.start(fleet, 2, { DTE_SECRET: CANARY });
    alone = fleet.machine('alone', { ci: false, env: { CI: 'true' } });
  });

  afterAll(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  it('runs every affected task once, on both agents, with nothing done twice on the main job, which has all outputs', async () => {
    const work = countWork(fleet.folder);
    const exit = await pipeline.nx(AFFECTED, { env: work.env });

    expect(`${exit.output}\n${exit.code === 0 ? '' : pipeline.describe()}`).toContain(
      'Successfully ran target',
    );
    expectExit(exit, 0, pipeline);
    const ran = ranOn(fleet.journal());
    expect(Object.keys(ran).sort()).toEqual(AFFECTED_TASKS);
    expect(Object.values(ran).map((machines) => machines.length)).toEqual(AFFECTED_TASKS.map(() => 1));
    expect(machinesOf(fleet.journal())).toEqual(['agent-1', 'agent-2']);
    expect(AFFECTED_OUTPUTS.filter((path) => !pipeline.main.exists(path))).toEqual([]);
    // What shop built contains what beta and gamma built from alpha.
    expect(pipeline.main.read('dist/apps/shop/out.txt')).toBe(
      'shop:build\nbeta:build\nalpha:build\ngamma:build\nalpha:build\n',
    );
    // One of them describes TOOL_FOLDER.
    expect(ownLines(exit.output).length).toBeLessThanOrEqual(4);
    const { graphs, hashed, git } = work.counted();
    // Where it is and at which commit: one question for all that need to know.
    expect(git.filter((args) => args.startsWith('rev-parse'))).toEqual(['rev-parse --show-prefix HEAD']);
    expect([...new Set(git)]).toEqual(git);
    // The tests of the sample have outputs of others as inputs: agents hash them.
    const upFront = AFFECTED_TASKS.filter((id) => !id.endsWith(':test'));
    expect({ graphs, hashed }).toEqual({
      graphs: 1,
      hashed: Object.fromEntries(upFront.map((id) => [id, 1])),
    });
  });

  it('gives tasks on agents the variables that a plugin hook has set, and names those that it does not give', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'show', '--output-style=static'], {
      env: NX_DEFAULT_PROCESSES,
    });

    expectExit(exit, 0, pipeline);
    expect(plain(exit.output)).toMatch(/^hook=v1 on=agent-\d$/m);
    expect(plain(exit.output)).toMatch(/^dte: TOOL_FOLDER: set in this job by a plugin hook/m);
  });

  it('ends as plain Nx does if Nx rejects a task, reported once, and if outputs are outside the workspace', async () => {
    for (const target of ['up', 'go']) {
      fleet.clearJournal();
      const command = ['run-many', '-t', target, '--output-style=static'];
      const exit = await pipeline.nx(command);
      const machines = machinesOf(fleet.journal());
      const expected = await alone.nx(command);
      expect([target, exit.code, machines]).toEqual([target, expected.code, target === 'up' ? ['main'] : []]);
      // The error with which Nx rejects it, in versions that do.
      const refusal = /^.*(outside the workspace|no hash today).*$/m.exec(plain(expected.output))?.[0].trim();
      if (expected.code !== 0) expect(refusal).toBeDefined();
      expect(plain(exit.output)).toContain(refusal ?? 'Successfully ran target');
      // By an agent, if it was assigned at all: once, and nothing else.
      const told = plain(exit.output).match(/Code: DTE_\w+/g) ?? [];
      expect([[], target === 'up' ? [] : ['Code: DTE_NX_FAILED']]).toContainEqual(told);
    }
    expect(pipeline.main.read('../outside/file')).toBe('up\n');
  });

  it("gets everything from the session's cache when the main job's caches are empty", async () => {
    pipeline.main.forget();

    const exit = await pipeline.nx(AFFECTED);

    expectExit(exit, 0, pipeline);
    expect(fleet.journal()).toEqual([]);
    expect(plain(exit.output)).toMatch(
      /from the cache instead of running the command for 12 out of 12 tasks/,
    );
    expect(AFFECTED_OUTPUTS.filter((path) => !pipeline.main.exists(path))).toEqual([]);
  });

  it('queries caches for tasks without a hash before anything runs, and uses agents only for what no cache has', async () => {
    const command = ['run-many', '-t', 'inspect,test', '--parallel=2'];
    expectExit(await pipeline.nx(command), 0, pipeline);
    expect(machinesOf(fleet.journal().filter(({ id }) => id.endsWith(':inspect')))).not.toContain('main');
    const begun = (): number =>
      pipeline.agents.flatMap(({ process }) => plain(process.output()).match(/▶ \S+:(inspect|test)/g) ?? [])
        .length;
    const before = begun();
    // Hashed by an agent, and found under the hash that the main job computes.
    pipeline.main.forget();
    fleet.clearJournal();

    const exit = await pipeline.nx(command);

    expectExit(exit, 0, pipeline);
    expect(plain(exit.output)).toMatch(/for (\d+) out of \1 tasks/);
    expect(fleet.journal()).toEqual([]);
    expect(begun()).toBe(before);
  });

  it('gets everything from its own cache if it is not empty', async () => {
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
    // 1 if a task failed; from 23 on, Nx exits with 130 if it skipped one.
    expect(exit.code).toBe((await alone.nx(command)).code);
    expect([1, 130]).toContain(exit.code);
  });

  it("hides the job's credentials from every task, wherever it runs, and leaves them in no file", async () => {
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

  it('releases agents and coordinator when the main job completes', async () => {
    const exits = await pipeline.complete();

    expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  });
});
