import type { NxProjectGraph, NxTask } from '@org/dte-nx-compat';
import { graphOf } from '../test-support/tasks';
import type { OutputsState } from '../main-disk/main-disk';
import { outsideGraph, type OutsideInput } from './outside-graph';

const made = { taskId: 'x', outputs: [], hash: null, digest: '', atMs: 0, absentIn: null, hasVaried: false };
const AS_MADE: OutputsState = { kind: 'as-made', made };
const VARIED: OutputsState = { kind: 'as-made', made: { ...made, hasVaried: true } };
const CHANGED: OutputsState = { kind: 'changed', made, what: 'dist/x was changed', isGone: false };
const ELSEWHERE: OutputsState = { kind: 'as-made', made: { ...made, absentIn: 'run' } };
const UNKNOWN: OutputsState = { kind: 'unknown' };

const target = (command: string) => ({ executor: 'nx:run-commands', options: { command } });
const node = (name: string, command: string) => ({
  name,
  type: 'app',
  data: { root: name, targets: { build: target('x'), deploy: target(command) } },
});
const projectGraph: NxProjectGraph = {
  nodes: {
    app: node('app', 'push'),
    lib: node('lib', 'push'),
    copier: node('copier', 'cp dist/lib here'),
    other: node('other', 'push'),
  },
  dependencies: {
    app: [{ target: 'lib' }, { target: 'npm:react' }],
    copier: [{ target: 'lib' }],
  },
};

async function found(
  edges: Record<string, string[]>,
  lying: Record<string, OutputsState>,
  change: Partial<OutsideInput> = {},
): Promise<string[]> {
  const fields = Object.fromEntries(
    Object.keys(edges).map((id) => [
      id,
      id.endsWith(':build') ? { outputs: [`dist/${id.split(':')[0] ?? ''}`] } : { cache: false },
    ]),
  );
  const isThere = (output: string): boolean => lying[output] !== undefined && lying[output] !== ELSEWHERE;
  const reasons = await outsideGraph({
    graph: graphOf(edges, {}, fields),
    projectGraph,
    isSuspect: ({ cache }: NxTask) => cache !== true,
    isReleased: () => false,
    outputsOf: ({ name }, of) => (of === 'build' ? [[`dist/${name}`]] : []),
    disk: {
      stateOf: ([output = '']) => Promise.resolve(lying[output] ?? UNKNOWN),
      present: (outputs) => Promise.resolve(outputs.filter(isThere)),
    },
    within: (outputs) => (path) => outputs.some((output) => path === output || path.startsWith(`${output}/`)),
    notAsCommitted: (paths) => Promise.resolve(new Set(paths)),
    ...change,
  });
  return [...reasons].map(([id, reason]) => `${id}: ${reason}`);
}

const ALONE = { 'app:deploy': [] };

it('gives a task to agents if this disk has no outputs', async () => {
  expect(await found(ALONE, {})).toEqual([]);
});

it.each([
  // An agent has the same files, or none.
  ['of its own project, as it was made', { 'dist/app': AS_MADE }, []],
  [
    'of its own project, made from several inputs',
    { 'dist/app': VARIED },
    ['app:deploy: it may read dist/app of app:build, which is not one of its dependencies'],
  ],
  [
    'of its own project, from who knows where',
    { 'dist/app': UNKNOWN },
    ['app:deploy: it may read dist/app of app:build, which is not one of its dependencies'],
  ],
  ['of its own project, which was left elsewhere', { 'dist/app': ELSEWHERE }, []],
  ['of a project below it, changed', { 'dist/lib': CHANGED }, ['app:deploy: dist/x was changed']],
  [
    'of a project below it, from who knows where',
    { 'dist/lib': UNKNOWN },
    ['app:deploy: it may read dist/lib of lib:build, which is not one of its dependencies'],
  ],
  // Agents that run end-to-end tests of an application do not need the outputs of its libraries.
  ['of a project below it, as it was made', { 'dist/lib': AS_MADE }, []],
  ['of an unrelated project, changed', { 'dist/other': CHANGED }, []],
])('keeps a task because of outputs %s', async (_, lying: Record<string, OutputsState>, expected) => {
  expect(await found(ALONE, lying)).toEqual(expected);
});

it('keeps a task whose configuration names the path, although the other project is only below it', async () => {
  expect(await found({ 'copier:deploy': [] }, { 'dist/lib': AS_MADE })).toHaveLength(1);
});

it('does not treat the outputs of a target as paths that it reads', async () => {
  const nodes = {
    app: {
      name: 'app',
      type: 'app',
      data: { root: 'app', targets: { deploy: { outputs: ['{workspaceRoot}/dist'] }, build: {} } },
    },
  };
  const graph: NxProjectGraph = { nodes, dependencies: {} };
  expect(await found(ALONE, { 'dist/app': AS_MADE }, { projectGraph: graph })).toEqual([]);
});

it("restores outputs that a task's configuration names", async () => {
  const onElsewhere = jest.fn();
  expect(await found({ 'copier:deploy': [] }, { 'dist/lib': ELSEWHERE }, { onElsewhere })).toHaveLength(1);
  expect(onElsewhere.mock.calls).toEqual([['copier:deploy', made.taskId]]);
  // Other files at the same path are not what the task needs.
  const disk: OutsideInput['disk'] = {
    stateOf: () => Promise.resolve(ELSEWHERE),
    present: (outputs) => Promise.resolve(outputs.map((output) => `${output}/types`)),
  };
  expect(await found({ 'copier:deploy': [] }, {}, { onElsewhere, disk })).toHaveLength(1);
  expect(onElsewhere.mock.calls).toHaveLength(2);
  // Files that are here, or that a script has deleted, are not reported.
  await found({ 'copier:deploy': [] }, { 'dist/lib': AS_MADE }, { onElsewhere });
  expect(onElsewhere).toHaveBeenCalledTimes(2);
});

it('keeps a task whose command excludes the dependency that made the files', async () => {
  const leavesOut = (_: NxTask, left: string) => left === 'build';
  const kept = found(ALONE, { 'dist/lib': AS_MADE }, { leavesOut });
  expect(await kept).toEqual([
    'app:deploy: it may read dist/lib of lib:build, which is not one of its dependencies',
  ]);
  expect(await found(ALONE, { 'dist/lib': AS_MADE }, { leavesOut: () => false })).toEqual([]);
  expect(await found(ALONE, { 'dist/lib': AS_MADE }, { leavesOut, isReleased: () => true })).toEqual([]);
});

it('gives a task to agents if the files are outputs of its dependencies, which agents restore', async () => {
  const edges = { 'app:build': [], 'app:deploy': ['app:build'] };
  expect(await found(edges, { 'dist/app': AS_MADE })).toEqual([]);
  expect(await found(edges, { 'dist/app': AS_MADE, 'dist/lib': CHANGED })).toEqual([
    'app:deploy: dist/x was changed',
  ]);
});

it('gives a cacheable task to agents, because its inputs define what it depends on', async () => {
  expect(await found(ALONE, { 'dist/app': CHANGED }, { isSuspect: () => false })).toEqual([]);
});

it('keeps a task that is assigned to agents only if a script has changed something', async () => {
  const isReleased = () => true;
  expect(await found(ALONE, { 'dist/app': AS_MADE, 'dist/lib': UNKNOWN }, { isReleased })).toEqual([]);
  expect(await found(ALONE, { 'dist/app': CHANGED }, { isReleased })).toHaveLength(1);
});

it('gives a task to agents if all files at the path are in the repository', async () => {
  const notAsCommitted = () => Promise.resolve(new Set<string>());
  expect(await found(ALONE, { 'dist/app': UNKNOWN }, { notAsCommitted })).toEqual([]);
});

const DIST = { executor: 'nx:run-script', metadata: { scriptContent: 'gh-pages -d dist' } };
const COMMAND = { executor: 'nx:run-commands', options: { command: 'push ./dist/web' } };
it.each([
  ['a script of package.json', DIST, 1],
  ['a command in its folder', { ...COMMAND, options: { ...COMMAND.options, cwd: '{projectRoot}' } }, 1],
  ['one by its path', { ...COMMAND, options: { ...COMMAND.options, cwd: './packages/a/' } }, 1],
  ['one of a configuration', { ...COMMAND, configurations: { ci: { cwd: 'packages/a' } } }, 1],
  ['a command elsewhere', COMMAND, 0],
  ['a script that names none', { ...DIST, metadata: { scriptContent: 'gh-pages -d distribution' } }, 0],
])(
  'recognizes a path by its name in the project: %s',
  async (_, deploy: Record<string, unknown>, expected) => {
    const data = { root: 'packages/a', targets: { build: target('x'), deploy } };
    const graph: NxProjectGraph = { nodes: { a: { name: 'a', type: 'app', data } }, dependencies: {} };
    const outputsOf: OutsideInput['outputsOf'] = (__, of) => (of === 'build' ? [['packages/a/dist']] : []);
    const kept = found(
      { 'a:deploy': [] },
      { 'packages/a/dist': AS_MADE },
      { projectGraph: graph, outputsOf },
    );
    expect(await kept).toHaveLength(expected);
  },
);
