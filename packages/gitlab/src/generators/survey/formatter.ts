import { type Formatter } from '@org/dte-nx-compat';
import { asObject, parseJson } from '../text/json';
import { isFormatted } from '../workspace/format';
import { type Tree } from '../workspace/tree';

const names = (start: string, ends: readonly string[]): string[] => ends.map((end) => start + end);

const CONFIGS: Readonly<Record<Formatter, readonly string[]>> = {
  prettier: [
    ...names('.prettierrc', ['', '.json', '.json5', '.yml', '.yaml', '.toml', '.js', '.cjs', '.mjs', '.ts']),
    ...names('prettier.config.', ['js', 'cjs', 'mjs', 'ts']),
  ],
  oxfmt: ['.oxfmtrc.json', '.oxfmtrc.jsonc'],
};

/**
 * Does the workspace use a formatter of `nx format:check`? It must be installed and configured: only a dependency may be
 * there for other reasons, and then a pipeline would fail at files that nobody formats.
 * @param known the formatters that its Nx calls
 */
function hasFormatter(tree: Tree, known: readonly Formatter[]): boolean {
  const manifest = parseJson(
    tree.exists('package.json') ? (tree.read('package.json', 'utf-8') ?? '{}') : '{}',
  );
  const installed = { ...asObject(manifest['dependencies']), ...asObject(manifest['devDependencies']) };
  return known.some(
    (formatter) =>
      formatter in installed &&
      (formatter in manifest || CONFIGS[formatter].some((file) => tree.exists(file))),
  );
}

/** What `nx format:check` would say in the first pipeline. */
export interface FormatCheck {
  /** The workspace uses a formatter, and it accepts the files that the setup edits. */
  readonly isKept: boolean;
  /** Those that it does not accept. */
  readonly unformatted: readonly string[];
}

/**
 * Can the first pipeline check the format? If nobody has formatted the files that the setup edits, the check would fail at
 * the very commit that adds dte.
 * @param ciFile the GitLab file from the root of the workspace
 */
export async function formatCheckOf(
  tree: Tree,
  known: readonly Formatter[],
  ciFile: string,
): Promise<FormatCheck> {
  if (!hasFormatter(tree, known)) return { isKept: false, unformatted: [] };
  const unformatted: string[] = [];
  for (const file of ['nx.json', 'package.json', ciFile]) {
    const text = tree.exists(file) ? tree.read(file, 'utf-8') : null;
    if (text !== null && !(await isFormatted(tree.root, file, text))) unformatted.push(file);
  }
  return { isKept: unformatted.length === 0, unformatted };
}
