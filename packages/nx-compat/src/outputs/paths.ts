import { posix, sep } from 'node:path';

/** The `+` and `@` of an extended glob stand before a parenthesis; elsewhere they are part of names, such as `@org`. */
const WILDCARD = /[*?[\]{}()!]/;

/** Paths are compared and sent as text: with `/`, and without redundant parts. */
export const cleanPath = (path: string): string => {
  const plain = posix.normalize(path.split(sep).join('/')).replace(/\/+$/, '');
  return plain === '.' ? '' : plain;
};

export const isGlob = (output: string): boolean => WILDCARD.test(output);

/** The first names of an output or a glob, before the first name with a wildcard; all of them if there is no wildcard. */
export function staticParts(glob: string): string[] {
  const parts = glob.split('/').filter((part) => part !== '' && part !== '.');
  const first = parts.findIndex(isGlob);
  return first === -1 ? parts : parts.slice(0, first);
}

/** Is a path this folder, or in it? An empty folder is the workspace. */
export const isAtOrBelow = (path: string, folder: string): boolean =>
  folder === '' || path === folder || path.startsWith(`${folder}/`);
