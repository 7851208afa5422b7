import { cleanPath, isAtOrBelow, staticParts } from '@org/dte-nx-compat';

/** Lists of outputs that are looked for together. Not configurable: each look walks through the workspace once, and compares each file with all globs. */
const LISTS_AT_ONCE = 100;

/** How the disk and git answer. */
export interface Looking {
  /** Nx's `expandOutputs`. */
  readonly expand: (outputs: readonly string[]) => readonly string[];
  /** Those of some existing paths that differ from a fresh checkout. */
  readonly notAsCommitted: (paths: readonly string[]) => Promise<ReadonlySet<string>>;
}

/**
 * Which of these lists of outputs may have anything on this disk that a fresh checkout has not. Nx walks through the whole workspace for
 * each list that has a glob, although nothing exists of most, or only what is committed (`jest.config.cjs` for a glob of all scripts):
 * here, many lists share a walk.
 * @returns false only if all that exists of the list is as committed
 */
export async function oneLook(
  lists: readonly (readonly string[])[],
  { expand, notAsCommitted }: Looking,
): Promise<(outputs: readonly string[]) => boolean> {
  const plain = new Set<readonly string[]>();
  for (let at = 0; at < lists.length; at += LISTS_AT_ONCE) {
    const together = lists.slice(at, at + LISTS_AT_ONCE);
    const found = existing([...new Set(together.flatMap(wantedOf))], expand);
    if (found === null) continue;
    const made = found.length === 0 ? [] : [...(await notAsCommitted(found))];
    for (const list of together) {
      const bases = [...new Set(wantedOf(list).map(baseOf))];
      if (!made.some((path) => bases.some((base) => isAtOrBelow(path, base)))) plain.add(list);
    }
  }
  return (outputs) => !plain.has(outputs);
}

/** Without exclusions: what one list excludes, another may name. */
const wantedOf = (outputs: readonly string[]): string[] =>
  outputs.filter((output) => !output.startsWith('!'));

/** Whatever a glob matches is this path, or below it. */
const baseOf = (output: string): string => staticParts(cleanPath(output)).join('/');

/** Null if Nx cannot tell, as for a glob that is none. */
function existing(
  outputs: readonly string[],
  expand: (outputs: readonly string[]) => readonly string[],
): readonly string[] | null {
  try {
    return expand(outputs);
  } catch {
    return null;
  }
}
