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

/** Prettier with the workspace's options for a file; null if prettier does not exist or ignores that file. */
async function prettierFor(root: string, path: string) {
  const prettier = findPrettier(root);
  if (prettier === null) return null;
  const file = join(root, path);
  const options = { ...(await prettier.resolveConfig(file)), filepath: file };
  const { ignored } = await prettier.getFileInfo(file, { ignorePath: join(root, '.prettierignore') });
  return ignored ? null : { prettier, options };
}

/** Would `nx format:check` accept this file with this content? */
export async function isFormatted(root: string, path: string, text: string): Promise<boolean> {
  const found = await prettierFor(root, path);
  return found === null || (await found.prettier.check(text, found.options));
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
  const found = await prettierFor(root, path);
  if (found === null) return after;
  if (before !== null && !(await found.prettier.check(before, found.options))) return after;
  return found.prettier.format(after, found.options);
}
