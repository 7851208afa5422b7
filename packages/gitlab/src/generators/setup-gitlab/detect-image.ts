import { versionInRange } from '@org/dte-nx-compat';
import { asObject, parseJson } from '../text/json';
import { type Tree } from '../workspace/tree';

/**
 * Majors of Node with long-term support, and the last month of it (nodejs.org/en/about/previous-releases). The oldest
 * that fits is chosen: a workspace that says only `>=18` was not tried with the newest.
 */
const LONG_TERM = [
  { major: 20, lastMonth: '2026-04' },
  { major: 22, lastMonth: '2027-04' },
  { major: 24, lastMonth: '2028-04' },
  { major: 26, lastMonth: '2029-04' },
] as const;

/** The tag for a workspace that says nothing. */
const DEFAULT_TAG = '22';

const read = (tree: Tree, path: string): string =>
  tree.exists(path) ? (tree.read(path, 'utf-8') ?? '') : '';

const exactly = (text: string): string | null => /^v?(\d+(?:\.\d+){0,2})\s*$/.exec(text.trim())?.[1] ?? null;

/** `lts/*` and `lts/jod`, as nvm writes them; images have the same names. */
const byName = (text: string): string | null => {
  const name = /^lts\/(\*|[a-z]+)$/.exec(text.trim())?.[1];
  if (name === undefined) return null;
  return name === '*' ? 'lts' : name;
};

/** asdf and mise: a line for each tool, with the preferred version first. */
function ofToolVersions(text: string): string | null {
  const [, version = ''] = /^\s*node(?:js)?\s+(\S+)/m.exec(text) ?? [];
  return version === 'lts' ? 'lts' : exactly(version);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function ofRange(range: string, root: string, now: Date): string | null {
  if (range === '') return null;
  const month = now.toISOString().slice(0, 'yyyy-mm'.length);
  const supported = LONG_TERM.filter(({ lastMonth }) => lastMonth >= month).map(({ major }) => major);
  // Without Nx there is nothing to read a range with; a plain version needs nothing.
  return versionInRange(range, supported, root) ?? exactly(range);
}

/**
 * The image with this workspace's version of Node: as in .nvmrc or .node-version, by volta, in .tool-versions, or the
 * oldest with long-term support that `engines` allow.
 */
export function detectImage(tree: Tree, now: Date = new Date()): string {
  const manifest = parseJson(read(tree, 'package.json'));
  const files = ['.nvmrc', '.node-version'].map((file) => read(tree, file));
  const runtime = asObject(asObject(manifest['devEngines'])['runtime']);
  const engines = textOf(asObject(manifest['engines'])['node']);
  const tag =
    files.map((text) => exactly(text) ?? byName(text)).find((found) => found !== null) ??
    exactly(textOf(asObject(manifest['volta'])['node'])) ??
    ofToolVersions(read(tree, '.tool-versions')) ??
    ofRange(runtime['name'] === 'node' ? textOf(runtime['version']) : '', tree.root, now) ??
    ofRange(engines, tree.root, now) ??
    DEFAULT_TAG;
  return `node:${tag}`;
}
