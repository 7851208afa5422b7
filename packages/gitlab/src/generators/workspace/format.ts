import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The part of prettier that is used; versions 2 and 3 have it. One returns a value, the other a promise. */
interface Prettier {
  resolveConfig(path: string): Promise<object | null> | object | null;
  getFileInfo(path: string, options: object): Promise<{ ignored: boolean }> | { ignored: boolean };
  check(text: string, options: object): Promise<boolean> | boolean;
  format(text: string, options: object): Promise<string> | string;
}

/** The workspace's own prettier, which `nx format:check` uses as well; null if it has none. */
function findPrettier(root: string): Prettier | null {
  try {
    return createRequire(join(root, 'package.json'))('prettier') as Prettier;
  } catch {
    return null;
  }
}

/**
 * Formats a text like the workspace, if the file was formatted before: an unformatted file is not reformatted for the
 * few lines of dte.
 * @param before the previous content; null for a new file, which is always formatted
 */
export async function formatLike(
  root: string,
  path: string,
  before: string | null,
  after: string,
): Promise<string> {
  const prettier = findPrettier(root);
  if (prettier === null) return after;
  const file = join(root, path);
  const options = { ...(await prettier.resolveConfig(file)), filepath: file };
  const { ignored } = await prettier.getFileInfo(file, { ignorePath: join(root, '.prettierignore') });
  if (ignored) return after;
  if (before !== null && !(await prettier.check(before, options))) return after;
  return prettier.format(after, options);
}
