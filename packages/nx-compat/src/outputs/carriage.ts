import { posix } from 'node:path';
import { cleanPath } from './paths';
import { type OutputEntry, type OutputList } from './list';

/**
 * From where Nx's own cache can restore outputs unchanged.
 * - `everywhere`: from this machine's cache and from a remote one;
 * - `here`: only from this machine's cache;
 * - `nowhere`: not even from that.
 */
export type Carriage = 'everywhere' | 'here' | 'nowhere';

/** Outputs named without a wildcard that are links themselves. */
const isLinkOutput = (entry: OutputEntry, literal: ReadonlySet<string>): boolean =>
  entry.kind === 'link' && literal.has(entry.path);

/** The folder that a link must not leave: its output or, for a link that a glob found, the folder that contains it. */
function homeOf(path: string, roots: ReadonlySet<string>): string {
  const parts = path.split('/');
  const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
  return above.find((each) => roots.has(each)) ?? posix.dirname(path);
}

const staysHome = (path: string, target: string, roots: ReadonlySet<string>): boolean =>
  posix.join(posix.dirname(path), target).startsWith(`${homeOf(path, roots)}/`);

/** An absolute path into the workspace, which is in another place on other machines. */
const leadsToThisMachine = ({ isAbsolute, target }: Extract<OutputEntry, { kind: 'link' }>): boolean =>
  isAbsolute && !posix.isAbsolute(target);

/**
 * How Nx's cache of this major handles outputs of this form. Measured on every supported major with the shapes in
 * `integration/support/output-shapes.ts`, and checked again by `integration/carriage.spec.ts`:
 *
 * - An output that is a link, or is reached through one, is lost (22 to 24) or restored as a folder (20, 21).
 * - A link inside an output is restored from a local cache. On 20, a remote one has a copy of its target, or nothing if
 *   the target does not exist; 21 to 23 keep an absolute path, which is wrong on another machine; 24 rejects an
 *   artifact with a link that leads out of its output.
 * - Reading a pipe would block until it is written to; a name that is not valid text cannot be compared.
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
