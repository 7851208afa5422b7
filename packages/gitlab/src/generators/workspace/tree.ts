/**
 * The part of Nx's `Tree` that the generators use. Declared here instead of imported: a workspace may have only the
 * package `nx`, and @nx/devkit would have to be installed in as many versions as Nx has majors.
 */
export interface Tree {
  /** Absolute path of the workspace. */
  readonly root: string;
  exists(path: string): boolean;
  read(path: string, encoding: 'utf-8'): string | null;
  write(path: string, content: string): void;
  /** Names of the files and folders in a folder. */
  children(path: string): string[];
  delete(path: string): void;
}

/** Nx calls it after it has written the tree; not with `--dry-run`. */
export type AfterWrite = () => void;

/** Writes only changed files, so that Nx does not list others. Null removes the file. */
export function put(tree: Tree, path: string, content: string | null): boolean {
  const before = tree.exists(path) ? tree.read(path, 'utf-8') : null;
  if (before === content) return false;
  if (content === null) tree.delete(path);
  else tree.write(path, content);
  return true;
}
