/**
 * The part of Nx's `Tree` that the generators use. It is written down here and not imported: a workspace may have the
 * package `nx` alone, and @nx/devkit would have to be brought along in as many versions as Nx has majors.
 */
export interface Tree {
  /** Absolute path of the workspace. */
  readonly root: string;
  exists(path: string): boolean;
  read(path: string, encoding: 'utf-8'): string | null;
  write(path: string, content: string): void;
  delete(path: string): void;
}

/** What Nx calls after it has written the tree; not at all with `--dry-run`. */
export type AfterWrite = () => void;

/** Writes only what differs, so that Nx lists no file that stays as it is. Null removes the file. */
export function put(tree: Tree, path: string, content: string | null): boolean {
  const before = tree.exists(path) ? tree.read(path, 'utf-8') : null;
  if (before === content) return false;
  if (content === null) tree.delete(path);
  else tree.write(path, content);
  return true;
}
