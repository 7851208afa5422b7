import { createHash } from 'node:crypto';
import { GITLAB_FILE, type GitlabFileOptions } from './options';
import { word } from './text';

/*
 * A pipeline belongs to a repository, and a repository may have several workspaces: one at its root, others below it.
 * GitLab's paths start at the repository's root. Job names, caches and sessions of different workspaces must differ: of
 * two jobs with the same name, GitLab silently keeps only one.
 */
export type Placed = Pick<GitlabFileOptions, 'folder'>;

/** Path from the root of the repository of a path in the workspace. A leading `!` stays in front. */
export function inRepository({ folder }: Placed, path: string): string {
  if (folder === '') return path;
  const [, not = '', rest = ''] = /^(!?)(?:\.\/)?(.*)$/s.exec(path) ?? [];
  return `${not}${folder}/${rest}`;
}

/** Path of our GitLab file from the root of the repository. */
export const gitlabFileIn = (placed: Placed): string => inRepository(placed, GITLAB_FILE);

/** Longest id that is readable. Not configurable: the id is part of the session's, which has 128 characters. */
const LONGEST_ID = 64;
/** Hex digits that make an id unique among the workspaces of a repository. Not configurable. */
const DIGITS = 8;

/**
 * The folder as a word for session ids and cache keys, different for each folder: `apps.web`. Null at the root. A folder
 * that could have the same word as another one gets a part of its hash.
 */
export function idOf({ folder }: Placed): string | null {
  if (folder === '') return null;
  const id = folder.replaceAll('/', '.');
  if (/^[\w-][\w/-]*$/.test(folder) && id.length <= LONGEST_ID) return id;
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, DIGITS);
  const readable = id.replaceAll(/[^\w.-]/g, '_').replace(/^\.+/, '');
  return `${readable.slice(0, LONGEST_ID)}.${hash}`;
}

/** `nx` at the root, `nx:apps.web` below it. Without slashes: tools make files of the names of jobs. */
export function jobIn(placed: Placed, name: string): string {
  const id = idOf(placed);
  return id === null ? name : `${name}:${id}`;
}

/** `prefix`, and the workspace's id behind it. */
export const withId = (placed: Placed, prefix: string): string => {
  const id = idOf(placed);
  return id === null ? prefix : `${prefix}-${id}`;
};

/**
 * The first command of a script: GitLab starts it in the repository's root. Not in `before_script`, which users replace
 * with their own, and not relative, because theirs may have changed the folder.
 */
export const enter = ({ folder }: Placed): string[] =>
  folder === '' ? [] : [`cd "$CI_PROJECT_DIR"/${word(folder)}`];
