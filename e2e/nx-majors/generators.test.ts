import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fleet, type Machine, NX_VERSIONS } from '@org/dte-testing';
import { plain } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

const FILES = [
  'nx.json',
  'package.json',
  '.gitlab-ci.yml',
  '.gitlab/dte.yml',
  '.gitlab/dte-undo.json',
  '.nx/dte.yaml',
];

const contents = (machine: Machine): Record<string, string | null> =>
  Object.fromEntries(FILES.map((file) => [file, machine.exists(file) ? machine.read(file) : null]));

describe.each(NX_VERSIONS)('nx %s g @org/dte', (nx) => {
  let fleet: Fleet;
  beforeAll(() => {
    fleet = sampleFleet({ nx, plugin: false, env: {} });
  });
  afterAll(async () => expect(await fleet.close()).toEqual([]));

  it('sets up from the packed tarballs, changes nothing the second time, and undoes everything', async () => {
    const machine = fleet.machine('laptop');
    const before = contents(machine);

    const first = await machine.nx(['g', '@org/dte:setup-gitlab', '--agents=2']);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('dte: GitLab setup') as string });
    const after = contents(machine);
    expect(after['.gitlab/dte.yml']).toContain('parallel: 2');
    // From the project graph: the targets that exist, and their outputs.
    expect(after['.gitlab/dte.yml']).toContain(' -t lint,test,build --parallel=2');
    for (const path of ['apps/shop/coverage', 'dist', 'libs/*/coverage'])
      expect(after['.gitlab/dte.yml']).toMatch(new RegExp(`^ {6}- "?${path.replace('*', '\\*')}"?$`, 'm'));
    expect(plain(first.stdout)).toMatch(/the pipeline runs 15 tasks: lint \(5\), test \(5\), build \(5\)\./);
    expect(JSON.parse(after['nx.json']!)).toMatchObject({
      tasksRunnerOptions: { default: { runner: '@org/dte', options: { accessToken: 'dte' } } },
    });

    const second = await machine.nx(['g', '@org/dte:setup-gitlab']);
    expect(second.stdout).toContain('everything is up to date');
    expect(contents(machine)).toEqual(after);

    expect(await machine.nx(['g', '@org/dte:remove'])).toMatchObject({ code: 0 });
    expect(contents(machine)).toEqual(before);
  });

  it("below the root of a repository, writes and undoes the root's file too, and only lists it with --dry-run", async () => {
    const machine = fleet.machine('nested');
    // The repository is the machine's folder, in which the workspace is `workspace`.
    await machine.run('mv', ['.git', '..']);
    const root = join(machine.folder, '.gitlab-ci.yml');
    const own = '# ours\nbackend:\n  script:   [make]\n';
    writeFileSync(root, own);
    machine.write(
      '.nx/workflows/rules.yaml',
      'assignment-rules:\n  - targets: [test]\n    run-on:\n      - agent: large\n        parallelism: 1\n',
    );
    const before = contents(machine);
    const setUp = ['g', '@org/dte:setup-gitlab', '--agents=2', '--targets=lint,test,build'];

    const dry = await machine.nx([...setUp, '--dry-run']);
    expect(plain(dry.stdout)).toContain('UPDATE ../.gitlab-ci.yml');
    expect(readFileSync(root, 'utf8')).toBe(own);
    expect(contents(machine)).toEqual(before);

    expect(await machine.nx(setUp)).toMatchObject({ code: 0 });
    expect(readFileSync(root, 'utf8')).toBe(`${own}\ninclude:\n  - local: workspace/.gitlab/dte.yml\n`);
    expect(contents(machine)['.gitlab-ci.yml']).toBeNull();
    expect(machine.read('.gitlab/dte.yml')).toContain('cd "$CI_PROJECT_DIR"/workspace');
    // The converted rules are valid, and match the tasks.
    const validated = await machine.dte(['validate']);
    expect(validated).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/targets test +large \(1\)/) as string,
    });

    expect(await machine.nx(['g', '@org/dte:remove'])).toMatchObject({ code: 0 });
    expect(readFileSync(root, 'utf8')).toBe(own);
    expect(contents(machine)).toEqual(before);
  });
});
