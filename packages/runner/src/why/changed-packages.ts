import type { NxProjectGraph } from '@org/dte-nx-compat';
import { plural } from '@org/dte-protocol';
import { z } from 'zod';

type Packages = Readonly<Record<string, string>>;

/** Packages that are named if the input is all of them. Not configurable: it is only text of a message. */
const MOST_PACKAGES = 3;
/** Nx's name for the input; see `readHashInput`. */
const ALL = 'all installed packages';

const externalSchema = z.object({ data: z.object({ version: z.string() }) });

/** Versions by Nx's name without `npm:`, which has the version in it if several are installed. */
export function installedPackages({ externalNodes = {} }: NxProjectGraph): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, node] of Object.entries(externalNodes)) {
    const read = externalSchema.safeParse(node);
    if (name.startsWith('npm:') && read.success) found[name.slice('npm:'.length)] = read.data.data.version;
  }
  return found;
}

/** The name without a version; a scope begins with @ as well. */
const plainName = (name: string): string => {
  const at = name.indexOf('@', 1);
  return at < 0 ? name : name.slice(0, at);
};

/** Package -> its versions. */
function versionsOf(packages: Packages, isWanted: (plain: string) => boolean): Map<string, string> {
  const versions = new Map<string, Set<string>>();
  for (const [name, version] of Object.entries(packages)) {
    const plain = plainName(name);
    if (!isWanted(plain)) continue;
    const known = versions.get(plain) ?? new Set();
    versions.set(plain, known.add(version));
  }
  return new Map([...versions].map(([plain, known]) => [plain, [...known].sort().join(', ')]));
}

/** What became of the packages of an input, for people; empty if their versions are the same. */
export function changedPackages(input: string, then: Packages, now: Packages): string[] {
  const isWanted = input === ALL ? () => true : (plain: string) => plain === plainName(input);
  const [before, after] = [versionsOf(then, isWanted), versionsOf(now, isWanted)];
  const changed = [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => describe(name, before.get(name), after.get(name)));
  const more = changed.length - MOST_PACKAGES;
  if (more <= 0) return changed;
  return [`${changed.slice(0, MOST_PACKAGES).join(', ')} and ${plural(more, 'more package')}`];
}

function describe(name: string, before: string | undefined, after: string | undefined): string {
  if (before === undefined) return `package ${name} ${String(after)} is new`;
  return after === undefined ? `package ${name} was removed` : `${name} ${before} → ${after}`;
}
