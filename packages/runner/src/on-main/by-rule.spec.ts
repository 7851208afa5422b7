import { readMainPatterns } from '../assignment/on-main';
import { graphOf } from '../test-support/tasks';
import { onMainByRule } from './by-rule';
import { reasonLines } from './say-reasons';

const graph = graphOf({
  'lib:build': [],
  'app:build': ['lib:build'],
  'app:nx-release-publish': ['app:build'],
  'app:deploy': ['app:build'],
});
const targets = {
  deploy: { options: { command: 'npx nx  release-notes' } },
  build: { executor: 'nx:run-commands', options: { commands: ['x', { command: 'y' }] } },
};
const projectGraph = { nodes: { app: { name: 'app', type: 'app', data: { root: 'app', targets } } } };
const byRule = (requested: string[], patterns: string[] = []) => [
  ...onMainByRule({
    graph,
    projectGraph,
    patterns: readMainPatterns(patterns),
    assignment: { ruleFor: () => undefined },
    isRequested: ({ target }) => requested.includes(target.target),
  }).entries(),
];

it('keeps what the option names, and none of its dependencies', () => {
  expect(byRule(['deploy', 'nx-release-publish'], ['deploy'])).toEqual([
    ['app:nx-release-publish', 'runOnMain: nx-release-publish'],
    ['app:deploy', 'runOnMain: deploy'],
  ]);
});

it('keeps a command that only publishes as a whole', () => {
  expect(byRule(['nx-release-publish']).map(([id]) => id)).toEqual([
    'app:nx-release-publish',
    'lib:build',
    'app:build',
    'app:deploy',
  ]);
});

it('keeps nothing of a command whose publishing tasks are excluded', () => {
  expect(byRule(['nx-release-publish'], ['!nx-release-publish'])).toEqual([]);
});

it('prints one line for each reason, and names some of many tasks', () => {
  const many = Array.from({ length: 9 }, (_, index) => [`p${index}:deploy`, 'runOnMain: deploy'] as const);
  expect(reasonLines(new Map([...many, ['a:x', 'rule'], ['b:x', 'two'], ['c:x', 'two']]))).toEqual([
    'dte: p0:deploy, p1:deploy, p2:deploy, p3:deploy, p4:deploy and 4 more tasks run on the main job (runOnMain: deploy)',
    'dte: a:x runs on the main job (rule)',
    'dte: b:x and c:x run on the main job (two)',
  ]);
});

it.each([
  ['a command', { command: 'npx nx release publish --tag next' }],
  [
    'one of several commands',
    { options: { commands: ['x', { command: './node_modules/.bin/nx release' }] } },
  ],
  [
    'a script of package.json',
    { executor: 'nx:run-script', metadata: { scriptContent: 'nx run-many -t nx-release-publish' } },
  ],
  ['a configuration', { configurations: { ci: { command: 'nx release -y' } } }],
])('keeps a task that starts a release by %s, unless it is excluded', (_, ship) => {
  const reasons = (patterns: string[]) =>
    onMainByRule({
      graph: graphOf({ 'app:ship': [], 'app:deploy': [] }),
      projectGraph: {
        nodes: { app: { name: 'app', type: 'app', data: { root: 'app', targets: { ...targets, ship } } } },
      },
      patterns: readMainPatterns(patterns),
      assignment: { ruleFor: () => undefined },
      isRequested: () => true,
    });
  expect([...reasons([])]).toEqual([['app:ship', 'its command starts nx release']]);
  expect([...reasons(['!ship'])]).toEqual([]);
});
