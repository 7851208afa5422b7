import { describeMiss, type BothCommands } from './describe-miss';

const roots: Record<string, string> = { ui: 'libs/ui', core: 'libs/core', app: 'apps/app' };
const UI = 'ui:libs/ui/**/*';

const both = (change: Partial<BothCommands> = {}): BothCommands => ({
  files: [],
  packagesThen: {},
  packagesNow: {},
  rootOf: (project) => roots[project],
  match: (patterns, paths) =>
    paths.filter((path) => patterns.some((each) => path.startsWith(each.replace(/\*.*$/, '')))),
  ...change,
});

const say = (names: string[], change: Partial<BothCommands> = {}): string =>
  describeMiss(
    names.map((name) => ({ name, side: 'both' as const })),
    both(change),
    [],
  ).text;

const changed = (...paths: string[]) => paths.map((path) => ({ path, how: 'changed' as const, from: null }));

describe('why a task was not cached, in one line', () => {
  it.each([
    [changed('libs/ui/src/button.ts', 'README.md'), 'libs/ui/src/button.ts changed'],
    [[{ path: 'libs/ui/a.ts', how: 'new', from: null }] as const, 'libs/ui/a.ts is new'],
    [[{ path: 'libs/ui/a.ts', how: 'deleted', from: null }] as const, 'libs/ui/a.ts was deleted'],
    [
      [{ path: 'libs/core/b.ts', how: 'renamed', from: 'libs/ui/a.ts' }] as const,
      'libs/ui/a.ts was renamed to libs/core/b.ts',
    ],
    [
      changed('libs/ui/src/a.ts', 'libs/ui/src/b.ts', 'libs/ui/c.ts'),
      '3 files changed in libs/ui, first libs/ui/src/a.ts',
    ],
    [null, 'files in libs/ui differ (this clone does not have the commit of the earlier run)'],
    [
      [],
      'files in libs/ui differ (git does not see which: line endings, LFS, or files that it ignores and Nx does not)',
    ],
  ])('files %j: %s', (files, text) => {
    expect(say([UI], { files })).toBe(text);
  });

  it.each([
    ['env:NODE_ENV', 'environment variable NODE_ENV differs'],
    ['runtime:node --version', '`node --version` prints something else'],
    ['command', 'options or arguments of the task differ'],
    ['app:ProjectConfiguration', 'configuration of project app differs'],
    ['app:TsConfig', 'TypeScript configuration differs'],
    ['**/*.d.ts:dist/libs/ui', 'outputs of its dependencies differ (**/*.d.ts)'],
    ['npm:react', 'package react differs, in the same version'],
    ['something else', 'something else differs'],
  ])('%s: %s', (name, text) => {
    expect(say([name])).toBe(text);
  });

  it.each([
    ['npm:typescript', 'typescript 5.9.2 → 5.9.3'],
    ['npm:semver@7.0.0', 'semver 6.0.0 → 6.0.0, 7.0.0'],
    ['npm:@nx/js', 'package @nx/js was removed'],
    ['npm:vite', 'package vite 8.0.0 is new'],
    [
      'AllExternalDependencies',
      'package @nx/js was removed, semver 6.0.0 → 6.0.0, 7.0.0, typescript 5.9.2 → 5.9.3 and 1 more package',
    ],
  ])('versions of %s: %s', (name, text) => {
    const packagesThen = { typescript: '5.9.2', semver: '6.0.0', '@nx/js': '23.0.0', same: '1.0.0' };
    const packagesNow = {
      typescript: '5.9.3',
      semver: '6.0.0',
      'semver@7.0.0': '7.0.0',
      vite: '8.0.0',
      same: '1.0.0',
    };
    expect(say([name], { packagesThen, packagesNow })).toBe(text);
  });

  it('names what people know least about first, each once, and not all of it', () => {
    const files = changed('libs/ui/a.ts', 'apps/app/b.ts');
    const names = [UI, 'ui:libs/ui/**/*,!libs/ui/**/*.md', 'app:apps/app/**/*', 'env:CI', 'command'];
    const miss = describeMiss(
      names.map((name) => ({ name, side: 'both' })),
      both({ files }),
      [],
    );
    expect(miss).toEqual({
      kind: 'changed',
      text: 'environment variable CI differs; libs/ui/a.ts changed; and 2 more inputs',
      inputs: [
        'environment variable CI differs',
        'libs/ui/a.ts changed',
        'apps/app/b.ts changed',
        'options or arguments of the task differ',
      ],
    });
  });

  it('says that a task has an input that it did not have', () => {
    const miss = describeMiss(
      [
        { name: UI, side: 'now' },
        { name: 'core:libs/core/**/*', side: 'then' },
        { name: 'npm:react', side: 'now' },
      ],
      both(),
      [],
    );
    expect(miss.inputs).toEqual([
      'package react is a new input',
      'files in libs/ui are a new input',
      'files in libs/core are no input any more',
    ]);
  });

  it('prefers the reason of a dependency to the outputs that it has changed', () => {
    const outputs = [{ name: '**/*:dist/libs/ui', side: 'both' as const }];
    const ran = [
      { taskId: 'ui:build', cause: 'libs/ui/button.ts changed' },
      { taskId: 'core:build', cause: null },
    ];
    expect(describeMiss(outputs, both(), ran)).toEqual({
      kind: 'dependency',
      text: 'outputs of ui:build and of 1 other task differ (ui:build: libs/ui/button.ts changed)',
      inputs: ['libs/ui/button.ts changed', 'outputs of ui:build and of 1 other task differ'],
    });
    expect(describeMiss([...outputs, { name: 'env:X', side: 'both' }], both(), ran)).toMatchObject({
      kind: 'changed',
      inputs: ['environment variable X differs', expect.stringContaining('outputs of ui:build')],
    });
  });

  it('says that Nx names nothing that differs', () => {
    expect(describeMiss([], both(), [])).toMatchObject({ kind: 'unknown', inputs: [] });
  });
});
