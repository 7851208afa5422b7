import { posix } from 'node:path';
import { cleanPath } from './paths';
import { type OutputEntry, type OutputList } from './list';

/**
 * How far Nx's own cache brings outputs back as they were.
 * - `everywhere`: from this machine's cache and from a remote one;
 * - `here`: from this machine's cache only;
 * - `nowhere`: not even that.
 */
export type Carriage = 'everywhere' | 'here' | 'nowhere';

/** Outputs named without a wildcard that are a link themselves. */
const isLinkOutput = (entry: OutputEntry, literal: ReadonlySet<string>): boolean =>
  entry.kind === 'link' && literal.has(entry.path);

/** The folder that a link must not lead out of: its output, or for one that a glob found, its own folder. */
function homeOf(path: string, roots: ReadonlySet<string>): string {
  const parts = path.split('/');
  const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
  return above.find((each) => roots.has(each)) ?? posix.dirname(path);
}

const staysHome = (path: string, target: string, roots: ReadonlySet<string>): boolean =>
  posix.join(posix.dirname(path), target).startsWith(`${homeOf(path, roots)}/`);

/** An absolute path into the workspace, which lies elsewhere on other machines. */
const leadsToThisMachine = ({ isAbsolute, target }: Extract<OutputEntry, { kind: 'link' }>): boolean =>
  isAbsolute && !posix.isAbsolute(target);

/**
 * What Nx's cache of this major does with outputs that look like this. Measured on every supported major with the shapes of
 * `integration/support/output-shapes.ts`, and checked again by `integration/carriage.spec.ts`:
 *
 * - An output that is a link, or is reached through one, is lost (22 to 24) or comes back as a folder (20, 21).
 * - A link inside an output comes back from a local cache. On 20 a remote one has a copy of what it leads to, or nothing if
 *   that does not exist; 21 to 23 keep an absolute path, which is wrong on another machine; 24 refuses an artifact with a link that leads out of its output.
 * - A pipe would be read until somebody writes to it; a name that is no text cannot be compared.
 */
export function carriageOf(list: OutputList, outputs: readonly string[], major: number): Carriage {
  const literal = new Set(outputs.map(cleanPath));
  const isBeyond = (entry: OutputEntry): boolean =>
    entry.kind === 'special' || entry.kind === 'unnameable' || isLinkOutput(entry, literal);
  if (list.through.length > 0 || list.entries.some(isBeyond)) return 'nowhere';
  const roots = new Set(list.roots);
  const travels = (entry: OutputEntry): boolean =>
    entry.kind !== 'link' ||
    (major > 20 &&
      !leadsToThisMachine(entry) &&
      (major < 24 || (!entry.isAbsolute && staysHome(entry.path, entry.target, roots))));
  return list.entries.every(travels) ? 'everywhere' : 'here';
}
