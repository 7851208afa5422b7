import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The part of prettier that is used; its versions 2 and 3 have it, one answers at once, the other with a promise. */
interface Prettier {
  resolveConfig(path: string): Promise<object | null> | object | null;
  getFileInfo(path: string, options: object): Promise<{ ignored: boolean }> | { ignored: boolean };
  check(text: string, options: object): Promise<boolean> | boolean;
  format(text: string, options: object): Promise<string> | string;
}

/** The workspace's own prettier, which `nx format:check` uses as well; null when it has none. */
function findPrettier(root: string): Prettier | null {
  try {
    return createRequire(join(root, 'package.json'))('prettier') as Prettier;
  } catch {
    return null;
  }
}

/**
 * Formats a text the way the workspace does, when it was so before: a file that nobody formats is not reformatted for
 * the few lines of dte.
 * @param before the file as it was; null for a new one, which is formatted always
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
