import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Drift, type LimitValues } from '@org/dte-protocol';

type Limits = Pick<LimitValues, 'driftFiles' | 'driftFileBytes' | 'driftCommandMs'>;
export type Checkout = Drift['checkout'];

/** Output of `git status` that is read. Not configurable: a list that is cut off is reported as incomplete. */
const STATUS_BYTES = 16 * 1024 * 1024;
/** Part of a digest that is compared. Not configurable: 64 bits are enough to tell two contents of one file apart. */
const DIGEST_CHARS = 16;
/** Longest path that the message may hold. Not configurable: it is the PATH_MAX of Linux. */
const PATH_CHARS = 4_096;
/** Nx treats neither as an input, even if git does not ignore them. */
const NEVER_INPUTS = /^(\.nx|node_modules)(\/|$)/;

/** The output of git; null if it fails. A list that is too long is cut off, and `whole` is false. */
function git(
  folder: string,
  args: readonly string[],
  timeout: number,
): Promise<{ text: string; whole: boolean } | null> {
  return new Promise((resolve) => {
    const options = {
      cwd: folder,
      timeout,
      maxBuffer: STATUS_BYTES,
      // The index must not be locked when another git command of the job needs it.
      env: { ...process.env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' },
    };
    execFile('git', args, options, (error, stdout) => {
      const cutOff = error?.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER';
      resolve(error === null || cutOff ? { text: stdout, whole: !cutOff } : null);
    }).stdin?.end();
  });
}

/** A word for the content of a file: equal words mean equal contents. */
async function digestOf(path: string, limits: Limits): Promise<string> {
  try {
    const stat = await lstat(path);
    if (stat.isDirectory()) return 'folder';
    if (stat.size > limits.driftFileBytes) return `${stat.size} bytes`;
    const content = stat.isSymbolicLink() ? await readlink(path) : await readFile(path);
    return createHash('sha256').update(content).digest('hex').slice(0, DIGEST_CHARS);
  } catch {
    return 'deleted';
  }
}

/**
 * The differences between a checkout and its commit: changed, deleted and new files, without those that git (and
 * therefore Nx) ignores. Sorted by name and limited, so that two incomplete lists can be compared up to the end of the
 * shorter one.
 * @param prefix the folder of the workspace in its repository, if that is known already
 * @returns null if there is no git, or it does not answer in time
 */
export async function readCheckout(
  workspaceRoot: string,
  limits: Limits,
  prefix?: Promise<string | null>,
): Promise<Checkout> {
  const ask = (...args: string[]) => git(workspaceRoot, args, limits.driftCommandMs);
  // Names are relative to the repository, which may be larger than the workspace.
  const [folder, status] = await Promise.all([
    prefix ?? ask('rev-parse', '--show-prefix').then((said) => said?.text.trim() ?? null),
    ask('status', '--porcelain=v1', '-z', '--untracked-files=all', '--no-renames', '--', '.'),
  ]);
  if (folder === null || status === null) return null;
  const paths = status.text
    .split('\0')
    .slice(0, -1)
    .map((line) => ({ isNew: line.startsWith('??'), path: line.slice('XY '.length) }))
    .filter(({ path }) => path.startsWith(folder))
    .map(({ isNew, path }) => ({ isNew, path: path.slice(folder.length) }))
    .filter(({ path }) => path !== '' && path.length <= PATH_CHARS && !NEVER_INPUTS.test(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const told = paths.slice(0, limits.driftFiles);
  const changes: Record<string, string> = {};
  for (const { path, isNew } of told) {
    changes[path] = `${isNew ? '+' : ''}${await digestOf(join(workspaceRoot, path), limits)}`;
  }
  return { changes, complete: status.whole && told.length === paths.length };
}
