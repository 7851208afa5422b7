import { mayOverlap, restorePolicy } from './restore-policy';
import { graphOf, noProjects } from '../test-support/tasks';

const graph = graphOf(
  {
    'lib:build': [],
    'app:build': ['lib:build'],
    'app:ci': ['app:ci--a', 'lib:build'],
    'app:ci--a': [],
    'lib:lint': [],
  },
  {},
  Object.fromEntries(['lib:build', 'app:build', 'app:ci--a'].map((id) => [id, { outputs: [`dist/${id}`] }])),
);
const projectGraph = {
  ...noProjects,
  nodes: {
    app: { name: 'app', type: 'app', data: { root: 'app', targets: { ci: { executor: 'nx:noop' } } } },
  },
};

function leftOf(
  restoreOutputs: 'all' | 'requested' | 'none',
  requested: string[],
  restoreGlobs: string[] = [],
) {
  const policy = restorePolicy({
    config: { restoreOutputs, restoreGlobs },
    graph,
    projectGraph,
    isRequested: ({ id }) => requested.includes(id),
    matches: () => true,
  });
  const left = Object.values(graph.tasks).filter((task) => policy.isLeft(task));
  return { left: left.map(({ id }) => id), picked: left.filter((task) => policy.pickedOf(task) !== null) };
}

describe('restorePolicy', () => {
  it('restores everything by default', () => {
    expect(leftOf('all', []).left).toEqual([]);
  });

  it('leaves the outputs of tasks that the command line does not name', () => {
    expect(leftOf('requested', ['app:build']).left).toEqual(['lib:build', 'app:ci--a']);
  });

  it('restores the tasks of the project for a named task that does nothing itself', () => {
    expect(leftOf('requested', ['app:ci']).left).toEqual(['lib:build', 'app:build']);
  });

  it('leaves every output with none, and picks files only from tasks that can have them', () => {
    const { left, picked } = leftOf('none', ['app:build'], ['dist/lib:build/*.txt']);
    expect(left).toEqual(['lib:build', 'app:build', 'app:ci--a']);
    expect(picked.map(({ id }) => id)).toEqual(['lib:build']);
  });
});

it.each([
  ['dist/app', 'dist/app/main.js', true],
  ['dist/app', 'dist/**/*.js', true],
  ['dist/app', '**/coverage/**', true],
  ['dist/app/*.js', 'dist/app/maps/**', true],
  ['dist/app', 'dist/apple/**', false],
  ['coverage', 'dist/**', false],
])('output %s and glob %s: may overlap %s', (output, glob, expected) =>
  expect(mayOverlap(output, glob)).toBe(expected),
);
