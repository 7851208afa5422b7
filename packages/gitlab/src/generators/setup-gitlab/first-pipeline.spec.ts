import { type Targets } from '../../checks/test-support/graph';
import { filesOf, nxOf, setUp, workspace } from '../test-support/workspace';

const OURS = '.gitlab/dte.yml';
const command = (line: string, more: object = {}) => ({
  executor: 'nx:run-commands',
  options: { command: line },
  ...more,
});

const LIBRARIES: Targets = {
  'packages/a': {
    'test:lib': command('vitest', { outputs: ['{projectRoot}/coverage'] }),
    'test:types': command('tsc --noEmit'),
    compile: command('tsup', { outputs: ['{projectRoot}/lib'] }),
    deploy: command('kubectl apply'),
  },
  'packages/b': { 'test:lib': command('vitest', { outputs: ['{projectRoot}/coverage'] }) },
};

const BROWSERS: Targets = {
  'apps/shop': { lint: command('eslint .') },
  'apps/shop-e2e': {
    e2e: command('playwright test'),
    'e2e-ci': { executor: 'nx:noop', metadata: { technologies: ['playwright'], nonAtomizedTarget: 'e2e' } },
  },
};

describe('the first pipeline', () => {
  it('runs the checks that exist, keeps their outputs, and says what it leaves out', async () => {
    const tree = workspace({ 'nx.json': '{ "parallel": 5 }\n' });
    const said = await setUp(tree, {}, nxOf(LIBRARIES));
    const text = tree.read(OURS, 'utf-8');
    expect(text).toContain('-t test:types,test:lib,compile --parallel=5');
    expect(text).toMatch(/paths:\n {6}- "?packages\/\*\/coverage"?\n {6}- "?packages\/a\/lib"?\n/);
    expect(said).toContain('the pipeline runs 4 tasks: test:types (1), test:lib (2), compile (1).');
    expect(said).toContain('It does not run: deploy (1 project).');
    expect(said).toContain('Nothing is left to do manually');
  });

  it('refuses targets that do not exist at all, and names those that exist', async () => {
    const tree = workspace();
    const before = filesOf(tree);
    await expect(setUp(tree, { targets: 'lint,test' }, nxOf(LIBRARIES))).rejects.toThrow(
      /no project of this workspace has lint or test;.*compile, deploy, test:lib, test:types/,
    );
    expect(filesOf(tree)).toEqual(before);
  });

  it('says which of several targets no project has', async () => {
    const said = await setUp(workspace(), { targets: 'lib,test:lib' }, nxOf(LIBRARIES));
    expect(said).toContain('target lib: no project has it, so it tests nothing (there are: test:lib)');
    expect(said).not.toContain('Nothing is left to do manually');
  });

  it('keeps what the user has chosen, in a run without flags', async () => {
    const tree = workspace();
    await setUp(tree, { targets: 'deploy', artifacts: 'out', parallel: 3 }, nxOf(LIBRARIES));
    const before = filesOf(tree);
    const said = await setUp(tree, {}, nxOf({ 'packages/a': { test: command('jest') } }));
    expect(filesOf(tree)).toEqual(before);
    expect(said).toContain('target deploy: no project has it');
  });

  it('asks in a terminal, with what it recommends selected', async () => {
    const asked: unknown[] = [];
    const tree = workspace();
    const ask = (...question: unknown[]) => {
      asked.push(...question.slice(2));
      return Promise.resolve(['compile', 'test:lib']);
    };
    await setUp(tree, {}, { ...nxOf(LIBRARIES), ask });
    expect(asked).toEqual([
      [
        { value: 'test:types', label: 'test:types (1 project)' },
        { value: 'test:lib', label: 'test:lib (2 projects)' },
        { value: 'compile', label: 'compile (1 project)' },
        { value: 'deploy', label: 'deploy (1 project)' },
      ],
      ['test:types', 'test:lib', 'compile'],
    ]);
    expect(tree.read(OURS, 'utf-8')).toContain('-t test:lib,compile ');
  });

  it('leaves browser tests out where the image has none, and says how to run them', async () => {
    const manifest = '{ "devDependencies": { "@org/dte": "0.1.0", "@playwright/test": "^1.50.1" } }';
    const tree = workspace({ 'package.json': manifest });
    const said = await setUp(tree, {}, nxOf(BROWSERS));
    expect(tree.read(OURS, 'utf-8')).toContain('-t lint ');
    expect(said).toContain(
      'target e2e-ci: not in the pipeline, because Playwright needs an image with a browser',
    );
    expect(said).toContain(
      'To run it: npx nx g @org/dte:setup-gitlab --targets=lint,e2e-ci --image=mcr.microsoft.com/playwright:v1.50.1-noble',
    );
    expect(said).toContain('tags: npx nx g @org/dte:setup-gitlab --tags=<tags>');
    expect(said).toContain('It does not run these checks of the workspace: e2e-ci (1 project)');
  });

  it.each([
    [{ image: 'mcr.microsoft.com/playwright:v1.50.1-noble' }, {}],
    [{}, { '.gitlab-ci.yml': 'image:\n  name: registry.example.org/node-chrome:3\n' }],
  ])('with %j and %j runs browser tests', async (flags, files) => {
    const tree = workspace(files);
    const said = await setUp(tree, flags, nxOf(BROWSERS));
    expect(tree.read(OURS, 'utf-8')).toContain('-t lint,e2e-ci ');
    expect(said).toContain('Nothing is left to do manually');
  });

  it('warns of browser tests that the user wants on an image without a browser', async () => {
    const said = await setUp(workspace(), { targets: 'lint,e2e-ci' }, nxOf(BROWSERS));
    expect(said).toContain('target e2e-ci: Playwright needs a browser, and node:22 is not known to have one');
  });

  it('writes the usual targets if nothing is found, or if the graph cannot be built, and says why', async () => {
    const empty = workspace();
    expect(await setUp(empty, {}, nxOf({ 'apps/shop': { serve: command('vite') } }))).toContain(
      'targets: no project has a target that is known to check something',
    );
    const broken = workspace();
    const view = () => Promise.resolve({ projects: null, problem: 'plugin x is missing', formatters: [] });
    const said = await setUp(broken, {}, { ...nxOf({}), view });
    expect(said).toContain('project graph: Nx could not build it (plugin x is missing)');
    for (const tree of [empty, broken])
      expect(tree.read(OURS, 'utf-8')).toContain('-t lint,test,build,e2e-ci --parallel=2');
  });

  it.each([
    [{ '.prettierrc': '{}' }, { prettier: '3.0.0' }, true],
    [{}, { prettier: '3.0.0' }, false],
    [{ '.prettierrc': '{}' }, {}, false],
  ])('with %j and %j checks the format, and says so: %s', async (files, devDependencies, isThere) => {
    const manifest = JSON.stringify({ devDependencies: { '@org/dte': '0.1.0', ...devDependencies } });
    const tree = workspace({ ...files, 'package.json': manifest });
    const told = await setUp(tree, { skipFormat: true });
    const line = 'npx dte record -- nx format:check --base="$NX_BASE" --head="$NX_HEAD"';
    expect(tree.read(OURS, 'utf-8')?.includes(line)).toBe(isThere);
    expect(told.includes('job nx checks the format of the changed files')).toBe(isThere);
  });

  it('does not add the format check to a file that was written without it', async () => {
    const manifest = JSON.stringify({ devDependencies: { '@org/dte': '0.1.0', prettier: '3.0.0' } });
    const tree = workspace({ '.prettierrc': '{}', 'package.json': manifest });
    await setUp(tree, { skipFormat: true, formatCheck: false });
    expect(tree.read(OURS, 'utf-8')?.split('\n')[0]).not.toContain('formatCheck');
    await setUp(tree, { skipFormat: true });
    expect(tree.read(OURS, 'utf-8')).not.toContain('format:check');
  });

  it('says what pipelines of the user run', async () => {
    const text =
      'nx:\n  script: npx nx-cloud start-ci-run && npx nx affected -t test:lib\nagent:\n  script: npx nx-cloud start-agent\n';
    const said = await setUp(workspace({ '.gitlab-ci.yml': text }), {}, nxOf(LIBRARIES));
    expect(said).toContain('the pipeline runs 2 tasks: test:lib (2).');
    expect(said).toContain(
      'It does not run these checks of the workspace: compile (1 project), test:types (1).',
    );
  });
});
