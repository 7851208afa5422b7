import { type Formatter } from '@org/dte-nx-compat';
import { asObject, parseJson } from '../text/json';
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
export function hasFormatter(tree: Tree, known: readonly Formatter[]): boolean {
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
