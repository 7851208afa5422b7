import { posix, relative, resolve, sep } from 'node:path';
import { gitlabFileIn } from '../../pipeline/place';
import { GITLAB_FILE } from '../../pipeline/options';
import { type Tree } from './tree';

/** The name of GitLab's file, in the root of the repository. */
const CI_FILE = '.gitlab-ci.yml';

/** The git repository of a workspace. GitLab's paths start at its root, and those of the tree at the workspace. */
export interface Repository {
  /** Folder of the workspace from the root of the repository, such as `apps/web`; empty at the root, or without git. */
  readonly folder: string;
  /** Is there a repository? */
  readonly hasGit: boolean;
  /** Path in the tree of the only file that GitLab reads by itself. */
  readonly ciFile: string;
  /** Path of our file for an `include`. */
  readonly ours: string;
  /** Path in the tree of a file of the repository. */
  readonly inTree: (path: string) => string;
}

const repository = (folder: string, hasGit: boolean): Repository => {
  const inTree = (path: string): string => posix.relative(`/${folder}`, `/${path}`);
  return { folder, hasGit, ciFile: inTree(CI_FILE), ours: gitlabFileIn({ folder }), inTree };
};

/** Finds `.git` in the workspace or above it: a folder, or a file in submodules and linked work trees. */
export function findRepository(tree: Pick<Tree, 'root' | 'exists'>): Repository {
  for (let up = ''; ; up += '../') {
    const folder = resolve(tree.root, up);
    if (tree.exists(`${up}.git`)) return repository(relative(folder, tree.root).split(sep).join('/'), true);
    if (resolve(folder, '..') === folder) return repository('', false);
  }
}

/** Our file of this or another workspace, by its path from the root of the repository. */
export const isGenerated = (path: string): boolean =>
  path === GITLAB_FILE || path.endsWith(`/${GITLAB_FILE}`);

/**
 * The GitLab files that say what the pipeline runs in this workspace. Below the root of the repository, jobs of other files may
 * belong to other workspaces, so only our own file counts if there is one.
 */
export function textsOfWorkspace(
  files: ReadonlyMap<string, string>,
  { folder }: Pick<Repository, 'folder'>,
): string[] {
  const generated = files.get(GITLAB_FILE);
  if (folder !== '' && generated !== undefined) return [generated];
  return [...files].filter(([path]) => /\.ya?ml$/.test(path)).map(([, text]) => text);
}
