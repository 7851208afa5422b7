import { join, relative, sep } from 'node:path';
import { type Tree } from '../workspace/tree';
import { NX_JSON, PACKAGE_JSON, type Files } from './workspace';

/** Absolute path of the repository's root; nothing exists there. */
const ROOT = join('/', 'virtual', 'repository');

/** A repository in memory. Nx's own tree for tests is always at the root of one. */
export class MemoryRepository {
  readonly files = new Map<string, string>([['.git/HEAD', 'ref: refs/heads/main\n']]);

  constructor(files: Files) {
    for (const [path, text] of Object.entries(files)) this.files.set(path, text);
  }

  /** Adds a workspace. @param folder from the root of the repository */
  addWorkspace(folder: string, files: Files = {}): Tree {
    const all: Files = {
      'nx.json': NX_JSON,
      'package.json': PACKAGE_JSON,
      'package-lock.json': '{}',
      ...files,
    };
    for (const [path, text] of Object.entries(all)) this.files.set(join(folder, path), text);
    return this.treeOf(folder);
  }

  treeOf(folder: string): Tree {
    const root = join(ROOT, folder);
    const pathOf = (path: string): string => relative(ROOT, join(root, path)).split(sep).join('/');
    return {
      root,
      exists: (path) => [...this.files.keys()].some((file) => `${file}/`.startsWith(`${pathOf(path)}/`)),
      read: (path) => this.files.get(pathOf(path)) ?? null,
      write: (path, content) => void this.files.set(pathOf(path), content),
      children: (path) => [
        ...new Set(
          [...this.files.keys()]
            .filter((file) => file.startsWith(`${pathOf(path)}/`))
            .map((file) => file.slice(pathOf(path).length + 1).split('/')[0] ?? ''),
        ),
      ],
      delete: (path) => void this.files.delete(pathOf(path)),
    };
  }

  snapshot(): Files {
    return Object.fromEntries([...this.files].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
