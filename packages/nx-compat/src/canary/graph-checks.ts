import { expectEqual, type CanaryCheck } from './types';

interface TaskGraphModule {
  createTaskGraph: (
    projectGraph: object,
    extraTargetDependencies: object,
    projects: string[],
    targets: string[],
    configuration: undefined,
    overrides: object,
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

/** The shape of the task graph a runner is given. */
export const graphChecks: readonly CanaryCheck[] = [
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
