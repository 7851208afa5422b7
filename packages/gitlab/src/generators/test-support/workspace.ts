import { createTree } from '@nx/devkit/testing';
import { remove } from '../remove/remove';
import { setupGitlab } from '../setup-gitlab/setup-gitlab';
import { type Tree } from '../workspace/tree';

export type Files = Record<string, string>;

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

export const setUp = (tree: Tree, flags: object = {}): Promise<string> =>
  said(() => setupGitlab(tree, flags, '0.1.0'));
export const takeOut = (tree: Tree): Promise<string> => said(() => remove(tree));
