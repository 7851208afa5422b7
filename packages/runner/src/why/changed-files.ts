import type { LimitValues } from '@org/dte-protocol';
import { git } from '../git/git';
import type { Tree } from './input-book';

/** A file that differs between two commands. */
export interface ChangedFile {
  readonly path: string;
  readonly how: 'changed' | 'new' | 'deleted' | 'renamed';
  /** Its former path; only of a renamed one. */
  readonly from: string | null;
}

const DELETED = 'deleted';

/**
 * The files that differ between the trees of two commands, by path.
 * @returns null if that is unknown: git does not have the commits (a shallow clone), or one of the trees is not known
 */
export async function changedFiles(
  workspaceRoot: string,
  then: Tree | null,
  now: Tree | null,
  { gitCommandMs }: Pick<LimitValues, 'gitCommandMs'>,
): Promise<ChangedFile[] | null> {
  if (then?.commit == null || now?.commit == null) return null;
  const committed =
    then.commit === now.commit
      ? []
      : await changedBetween(workspaceRoot, then.commit, now.commit, gitCommandMs);
  return committed === null ? null : withUncommitted(committed, then, now);
}

async function changedBetween(
  workspaceRoot: string,
  then: string,
  now: string,
  timeout: number,
): Promise<ChangedFile[] | null> {
  const args = ['diff', '--no-ext-diff', '--relative', '--name-status', '-z', '-M', then, now, '--', '.'];
  const text = await git(workspaceRoot, args, timeout);
  return text === null ? null : readNameStatus(text);
}

const HOW: Readonly<Record<string, ChangedFile['how']>> = { A: 'new', C: 'new', D: 'deleted', R: 'renamed' };

/** Reads what `git diff --name-status -z` prints: `M`, a path; or `R097`, the former path, the path. */
export function readNameStatus(text: string): ChangedFile[] {
  const words = text.split('\0').slice(0, -1);
  const files: ChangedFile[] = [];
  for (let at = 0; at < words.length;) {
    const letter = (words[at] ?? '').charAt(0);
    const hasTwo = letter === 'R' || letter === 'C';
    const [first = '', second = ''] = words.slice(at + 1);
    const how = HOW[letter] ?? 'changed';
    files.push({ path: hasTwo ? second : first, how, from: how === 'renamed' ? first : null });
    at += hasTwo ? 3 : 2;
  }
  return files;
}

/** Changes that were not committed, then or now, are in no commit: the words for their contents are compared. */
export function withUncommitted(committed: readonly ChangedFile[], then: Tree, now: Tree): ChangedFile[] {
  const files = new Map(committed.map((file) => [file.path, file]));
  for (const path of new Set([...Object.keys(then.changes), ...Object.keys(now.changes)])) {
    const [before, after] = [then.changes[path], now.changes[path]];
    if (before === after) files.delete(path);
    else files.set(path, { path, how: howChanged(before, after), from: null });
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function howChanged(before: string | undefined, after: string | undefined): ChangedFile['how'] {
  const isNew = (word: string | undefined): boolean => word?.startsWith('+') === true;
  if (after === DELETED || (after === undefined && isNew(before))) return 'deleted';
  if (before === DELETED || (before === undefined && isNew(after))) return 'new';
  return 'changed';
}
