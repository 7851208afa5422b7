import { cleanPath, isAtOrBelow, staticParts } from '@org/dte-nx-compat';

/** Lists of outputs that are looked for together. Not configurable: each look walks through the workspace once, and compares each file with all globs. */
const LISTS_AT_ONCE = 100;

/** How the disk and git answer. */
export interface Looking {
  /** Does a path exist, and lead through no link? */
  readonly standing: (path: string) => 'absent' | 'direct' | 'linked';
  /** Nx's `expandOutputs`. */
  readonly expand: (outputs: readonly string[]) => readonly string[];
  /** Those of some existing paths that differ from a fresh checkout. */
  readonly notAsCommitted: (paths: readonly string[]) => Promise<ReadonlySet<string>>;
}

/**
 * Which of these lists of outputs may have anything on this disk that a fresh checkout has not. Nx walks through the whole workspace for
 * each list that has a glob, although nothing exists of most, or only what is committed (`jest.config.cjs` for a glob of all scripts):
 * here, git rules out those whose folders are as committed, with one question, and many of the others share a walk.
 * @returns false only if all that exists of the list is as committed
 */
export async function oneLook(
  lists: readonly (readonly string[])[],
  looking: Looking,
): Promise<(outputs: readonly string[]) => boolean> {
  const { expand, notAsCommitted } = looking;
  const plain = await inUnchangedFolders(lists, looking);
  const others = lists.filter((list) => !plain.has(list));
  for (let at = 0; at < others.length; at += LISTS_AT_ONCE) {
    const together = others.slice(at, at + LISTS_AT_ONCE);
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

/** The lists of which each output is absent, or in a folder in which everything is as committed. */
async function inUnchangedFolders(
  lists: readonly (readonly string[])[],
  { standing, notAsCommitted }: Looking,
): Promise<Set<readonly string[]>> {
  const states = new Map<string, 'absent' | 'direct' | 'linked'>();
  const stateOf = (base: string): 'absent' | 'direct' | 'linked' => {
    // The workspace itself always has files that no checkout has.
    const state = states.get(base) ?? (base === '' ? 'linked' : standing(base));
    states.set(base, state);
    return state;
  };
  const basesIn = (list: readonly string[]): string[] => wantedOf(list).map(baseOf);
  const asked = lists.filter((list) => basesIn(list).every((base) => stateOf(base) !== 'linked'));
  const here = [...new Set(asked.flatMap(basesIn))].filter((base) => stateOf(base) === 'direct');
  const changed = here.length === 0 ? new Set<string>() : await notAsCommitted(here);
  return new Set(asked.filter((list) => !basesIn(list).some((base) => changed.has(base))));
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
