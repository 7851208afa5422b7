import { expectEqual, type CanaryCheck } from './types';

interface TaskGraphModule {
  createTaskGraph: (
    ...args: [
      projectGraph: object,
      extraTargetDependencies: object,
      projects: string[],
      targets: string[],
      configuration: undefined,
      overrides: object,
    ]
  ) => { dependencies: Record<string, unknown[]> };
}

const build = (extra: object = {}): object => ({ build: { executor: 'nx:noop', ...extra } });
const node = (name: string, targets: object): object => ({
  name,
  type: 'lib',
  data: { root: name, targets },
});

const PROJECT_GRAPH = {
  nodes: { lib: node('lib', build()), app: node('app', build({ dependsOn: ['^build'] })) },
  externalNodes: {},
  dependencies: { lib: [], app: [{ source: 'app', target: 'lib', type: 'static' }] },
};

const edges = (nxRequire: NodeJS.Require): unknown => {
  const { createTaskGraph } = nxRequire('nx/src/tasks-runner/create-task-graph') as TaskGraphModule;
  const overrides = { __overrides_unparsed__: [] };
  return createTaskGraph(PROJECT_GRAPH, {}, ['app'], ['build'], undefined, overrides).dependencies[
    'app:build'
  ];
};

interface MatcherModule {
  findMatchingProjects: (patterns: string[], projects: object) => string[];
}

const PROJECTS = {
  web: { name: 'web', data: { root: 'apps/web', tags: ['scope:shop'] } },
  'web-e2e': { name: 'web-e2e', data: { root: 'apps/web-e2e', tags: ['scope:shop'] } },
  api: { name: 'api', data: { root: 'libs/api', tags: [] } },
};

/** The shape of the task graph that a runner gets, and how project patterns are parsed. */
export const graphChecks: readonly CanaryCheck[] = [
  {
    name: 'projects are matched by name, glob, tag, directory and exclusion',
    majors: [20, 21, 22, 23, 24],
    run: (_root, nxRequire) => {
      const { findMatchingProjects } = nxRequire('nx/src/utils/find-matching-projects') as MatcherModule;
      const lists = [['api'], ['web*'], ['tag:scope:*'], ['libs/*'], ['!tag:scope:shop'], ['nothing']];
      const found = lists.map((patterns) => findMatchingProjects([...patterns], PROJECTS).join());
      return Promise.resolve(expectEqual(found, ['api', 'web,web-e2e', 'web,web-e2e', 'api', 'api', '']));
    },
  },
  {
    name: 'edges of the task graph are plain ids',
    majors: [20, 21, 22, 23],
    run: (_root, nxRequire) => Promise.resolve(expectEqual(edges(nxRequire), ['lib:build'])),
  },
  {
    name: 'edges of the task graph are objects',
    majors: [24],
    run: (_root, nxRequire) => Promise.resolve(expectEqual(edges(nxRequire), [{ id: 'lib:build' }])),
  },
];
