import { createTree } from '@nx/devkit/testing';
import { remove } from '../remove/remove';
import { setupGitlab } from '../setup-gitlab/setup-gitlab';
import { type NxPorts } from '../survey/workspace-view';
import { targetsOfWorkspace } from '../../checks';
import { REPOSITORY_NX, type Targets, nodesOf } from '../../checks/test-support/graph';
import { type Tree } from '../workspace/tree';

export type Files = Record<string, string>;

const sample = { executor: 'nx:run-commands', options: { command: 'node tools/task.cjs' } };

/** With the targets that most workspaces have. */
const SHOP: Targets = {
  'apps/shop': {
    lint: sample,
    test: sample,
    build: { ...sample, outputs: ['{workspaceRoot}/dist/{projectRoot}'] },
    'e2e-ci': sample,
    deploy: sample,
  },
};

export const NX_JSON = '{\n  "defaultBase": "trunk"\n}\n';
export const PACKAGE_JSON =
  '{\n  "name": "shop",\n  "devDependencies": {\n    "@org/dte": "0.1.0",\n    "nx": "23.3.2"\n  }\n}\n';

/** A workspace in memory. Files that are null are omitted. */
export function workspace(files: Record<string, string | null> = {}): ReturnType<typeof createTree> {
  const tree = createTree();
  // createTree adds its own nx.json and package.json: these replace them.
  const all: Record<string, string | null> = {
    'nx.json': NX_JSON,
    'package.json': PACKAGE_JSON,
    'package-lock.json': '{}',
    ...files,
  };
  for (const { path } of tree.listChanges()) tree.delete(path);
  for (const [path, text] of Object.entries(all)) if (text !== null) tree.write(path, text);
  return tree;
}

/** All files, by path. */
export function filesOf(tree: ReturnType<typeof workspace>): Files {
  const paths = tree.listChanges().map(({ path }) => path);
  return Object.fromEntries(
    paths.filter((path) => tree.exists(path)).map((path) => [path, tree.read(path, 'utf-8') ?? '']),
  );
}

/** Runs a generator and returns its report. */
async function said(run: () => unknown): Promise<string> {
  const log = jest.spyOn(console, 'log').mockImplementation();
  try {
    await run();
    return log.mock.calls.flat().join('\n');
  } finally {
    log.mockRestore();
  }
}

/** Nx of a workspace with these projects, for a generator; nobody answers its questions. */
export const nxOf = (projects: Targets): NxPorts => ({
  view: () =>
    Promise.resolve({
      projects: targetsOfWorkspace(nodesOf(projects), REPOSITORY_NX),
      problem: null,
      formatters: ['prettier'],
    }),
  ask: (_root, _message, _choices, selected) => Promise.resolve(selected),
});

export const setUp = (tree: Tree, flags: object = {}, ports: NxPorts = nxOf(SHOP)): Promise<string> =>
  said(() => setupGitlab(tree, flags, '0.1.0', ports));
export const takeOut = (tree: Tree): Promise<string> => said(() => remove(tree));
