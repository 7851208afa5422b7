import type { NxProjectGraph, NxTask } from '@org/dte-nx-compat';
import { graphOf } from '../test-support/tasks';
import { unseenChanges } from './unseen-changes';
import type { WorkingTree } from '../git/working-tree';

const node = (name: string, root: string) => ({ name, type: 'lib', data: { root, targets: {} } });
const projectGraph: NxProjectGraph = {
  nodes: { app: node('app', 'apps/app'), lib: node('lib', 'libs/lib'), root: node('root', '.') },
  dependencies: { app: [{ target: 'lib' }] },
};
const details = (...names: string[]): NxTask['hashDetails'] => ({
  command: 'c',
  nodes: Object.fromEntries(names.map((name) => [name, '1'])),
});

const LATE: Partial<NxTask> = {};
const CACHED: Partial<NxTask> = { hash: '1', hashDetails: details('app:apps/app/**/*') };
const NARROW: Partial<NxTask> = { cache: false, hash: '1', hashDetails: details('app:apps/app/src/**/*') };
const WIDE: Partial<NxTask> = { ...CACHED, cache: false };

function reasonOf(fields: Partial<NxTask>, tree: Partial<WorkingTree>, id = 'app:run'): string | undefined {
  return unseenChanges({
    graph: graphOf({ [id]: [] }, {}, { [id]: fields }),
    projectGraph,
    workspaceRoot: process.cwd(),
    isPending: () => true,
    tree: { tracked: [], untracked: [], ...tree },
    sharedInputs: () => ['jest.preset.js', 'tools/**/*'],
  }).get(id);
}

it.each<[string, Partial<NxTask>, Partial<WorkingTree>, string | null]>([
  ['a hash that is not known yet, and its own file', LATE, { tracked: ['apps/app/a.ts'] }, 'apps/app/a.ts'],
  [
    'a hash that is not known yet, and a file of a project below',
    LATE,
    { tracked: ['libs/lib/a.ts'] },
    'libs/lib/a.ts',
  ],
  ['a hash that is not known yet, and a new folder', LATE, { untracked: ['libs/lib/new/'] }, 'libs/lib/new/'],
  [
    'a hash that is not known yet, and a file beside all projects',
    LATE,
    { tracked: ['jest.preset.js'] },
    'jest.preset.js',
  ],
  ['a hash that is not known yet, and nx.json', LATE, { tracked: ['nx.json'] }, 'nx.json'],
  ['a hash that is not known yet, and a shared folder', LATE, { tracked: ['tools/a/b.js'] }, 'tools/a/b.js'],
  [
    'a hash that is not known yet, and a token in a file that is no input',
    LATE,
    { tracked: ['.npmrc'] },
    null,
  ],
  ['a hash that is not known yet, and what CI put beside all projects', LATE, { untracked: ['.npm/'] }, null],
  [
    'no cache, and a file that is none of its inputs',
    NARROW,
    { tracked: ['apps/app/deploy.json'] },
    'apps/app/deploy.json',
  ],
  // The hash shows the change, and also whether the agent has the same one.
  ['no cache, and one of its inputs', NARROW, { tracked: ['apps/app/src/a.ts'] }, null],
  ['no cache, and a new folder of inputs', WIDE, { untracked: ['apps/app/src/'] }, null],
  ['no cache, and a file beside all projects', NARROW, { tracked: ['jest.preset.js'] }, null],
  ['a cache, whatever is changed', CACHED, { tracked: ['apps/app/a.ts', 'libs/lib/a.ts'] }, null],
])('a task with %s', (_, fields, tree, file) => {
  expect(reasonOf(fields, tree)).toBe(file === null ? undefined : `${file} has uncommitted changes here`);
});

it('a task of the root project has every tracked file, and none that CI created', () => {
  expect(reasonOf(LATE, { tracked: ['src/a.ts'] }, 'root:run')).toBe('src/a.ts has uncommitted changes here');
  expect(reasonOf(LATE, { untracked: ['.npm/'] }, 'root:run')).toBeUndefined();
});
