import type { DifferingFile } from './differing-files';
import { ownChanges, type BothSides } from './own-changes';

const file = (path: string, side: DifferingFile['side'] = 'main'): DifferingFile => ({ path, side, how: '' });
const roots: Record<string, string> = { app: 'apps/app', lib: 'libs/lib' };

function sides(
  differing: string[],
  files: DifferingFile[] | null,
  change: Partial<BothSides> = {},
): BothSides {
  const value = (side: string) => Object.fromEntries(differing.map((name) => [name, side]));
  return {
    main: { command: 'c', ...value('1') },
    agent: { command: 'c', ...value('2') },
    drift: { agreed: '1', checkout: { changes: {}, complete: true }, runtime: {}, env: {} },
    own: {
      hasEnv: () => false,
      runtime: {},
      files,
      match: (patterns, paths) =>
        paths.filter((path) => patterns.some((pattern) => path.startsWith(pattern.replace(/\*.*$/, '')))),
    },
    rootOf: (project) => roots[project],
    ...change,
  };
}

const APP = 'app:apps/app/**/*';
const LIB = 'lib:libs/lib/**/*';

it.each([
  ['a file of the project', [APP], [file('apps/app/a.ts')], ['apps/app/a.ts']],
  [
    'files of several projects',
    [APP, LIB],
    [file('apps/app/a.ts'), file('libs/lib/b.ts')],
    ['apps/app/a.ts', 'libs/lib/b.ts'],
  ],
  [
    'its configuration',
    ['app:ProjectConfiguration'],
    [file('apps/app/project.json')],
    ['apps/app/project.json'],
  ],
  [
    'what a plugin reads',
    ['app:ProjectConfiguration'],
    [file('apps/app/vite.config.ts')],
    ['apps/app/vite.config.ts'],
  ],
  ['nx.json', ['app:ProjectConfiguration'], [file('nx.json')], ['nx.json']],
  ['the TypeScript configuration', ['app:TsConfig'], [file('tsconfig.base.json')], ['tsconfig.base.json']],
  ['packages', ['AllExternalDependencies'], [file('package.json')], ['package.json']],
])("is the main job's own: %s", (_, differing, files, expected) => {
  expect(ownChanges(sides(differing, files))).toEqual(expected);
});

it.each([
  ['a variable as well', [APP, 'env:STAGE'], [file('apps/app/a.ts')]],
  ['a tool as well', [APP, 'runtime:node -v'], [file('apps/app/a.ts')]],
  ['a file that the agent has changed', [APP], [file('apps/app/a.ts', 'agent')]],
  ['one that it has changed as well', [APP], [file('apps/app/a.ts'), file('apps/app/b.ts', 'agent')]],
  ['one that both have changed', [APP], [file('apps/app/a.ts', 'both')]],
  ['files that git sees no difference in', [APP], [file('libs/lib/b.ts')]],
  ['a project whose configuration nothing explains', ['app:ProjectConfiguration'], [file('libs/lib/b.ts')]],
  ['packages without a file', ['npm:react'], [file('apps/app/a.ts')]],
  ['outputs of others', ['**/*.txt:dist/lib'], [file('apps/app/a.ts')]],
  ['the command', ['command'], [file('apps/app/a.ts')]],
  ['nothing that is known', [], [file('apps/app/a.ts')]],
])('is left to the user: %s', (_, differing, files) => {
  expect(ownChanges(sides(differing, files))).toEqual([]);
});

it('is unknown without git on both sides, or without the inputs of the main job', () => {
  expect(ownChanges(sides([APP], null))).toEqual([]);
  expect(ownChanges(sides([APP], [file('apps/app/a.ts')], { main: {} }))).toEqual([]);
});

describe('with inputs that the agent has not reported', () => {
  const untold = (change: Partial<BothSides>) =>
    ownChanges(
      sides([APP, LIB, 'env:STAGE', 'runtime:node -v'], [file('apps/app/a.ts')], { agent: null, ...change }),
    );
  const drift = { agreed: '1', checkout: null, env: { STAGE: false }, runtime: { 'node -v': '20' } };
  const own = { ...sides([], [file('apps/app/a.ts')]).own, runtime: { 'node -v': '20' } };

  it('a change of the main job among them is the reason, unless something contradicts that', () => {
    expect(untold({ drift, own })).toEqual(['apps/app/a.ts']);
  });

  it.each([
    ['a variable that only the agent has', { ...drift, env: { STAGE: true } }],
    ['another tool', { ...drift, runtime: { 'node -v': '22' } }],
  ])('%s does', (_, other) => {
    expect(untold({ drift: other, own })).toEqual([]);
  });
});
