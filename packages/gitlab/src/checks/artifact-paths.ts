import { cleanPath, isAtOrBelow, staticParts } from '@org/dte-nx-compat';
import { type TargetsOfProject } from './workspace-targets';

/** A list that a person reads. Not configurable: `--artifacts` sets another list. */
const MOST_PATHS = 20;

export interface ArtifactPaths {
  readonly paths: readonly string[];
  /** Declared, but not in `paths`. */
  readonly leftOut: readonly string[];
}

/** Folders of tools, and state of tools: nothing to keep. */
const NOT_KEPT = /(?:^|\/)(?:node_modules|\.nx|\.git)(?:\/|$)|\.tsbuildinfo$|\.eslintcache$/;

/** The folder of a declared output. A glob right below the root of a project stays if it stands for files in that folder. */
function folderOf(output: string, root: string): string | null {
  const clean = cleanPath(output);
  if (clean === '' || clean.startsWith('!') || clean.startsWith('..') || NOT_KEPT.test(clean)) return null;
  const fixed = staticParts(clean).join('/');
  const tooWide = fixed === '' || isAtOrBelow(root === '.' ? '' : root, fixed);
  if (!tooWide) return fixed;
  const last = clean.slice(fixed === '' ? 0 : fixed.length + 1);
  return clean !== fixed && /^[\w.-]*\*[\w.-]*\.\w+$/.test(last) ? clean : null;
}

/** `packages/a` and `packages/b` are `packages/*`; GitLab's `*` matches within one name, and so no `node_modules`. */
function generalised(roots: readonly string[]): string[] {
  const groups = new Map<string, string[]>();
  for (const root of roots) {
    const parts = root.split('/');
    const pattern = [parts[0] ?? '', ...parts.slice(1).map(() => '*')].join('/');
    groups.set(pattern, [...(groups.get(pattern) ?? []), root]);
  }
  return [...groups].map(([pattern, [first = '', ...others]]) => (others.length === 0 ? first : pattern));
}

/**
 * What a compiler leaves of a check of types is of no use to anybody. The tasks of a split target write below the folders
 * of the target that Nx has split, one folder for each file with tests: a list of these would be too short as soon as
 * there is another such file.
 */
function keptOf({ targets }: TargetsOfProject, name: string): readonly string[] {
  const target = targets.get(name);
  if (target === undefined || target.kind === 'typecheck') return [];
  const whole = targets.get(target.splitFrom ?? '')?.outputs() ?? [];
  return target.outputs().map((output) => whole.find((folder) => isAtOrBelow(output, folder)) ?? output);
}

/** Paths by the number of projects that they are for. */
type Weights = ReadonlyMap<string, number>;

function weighed(projects: readonly TargetsOfProject[], targets: readonly string[]): Weights {
  const roots = projects.map(({ root }) => root);
  const weights = new Map<string, number>();
  const below = new Map<string, Set<string>>();
  const add = (path: string, weight: number): void =>
    void weights.set(path, (weights.get(path) ?? 0) + weight);
  for (const project of projects) {
    const { root } = project;
    for (const output of targets.flatMap((target) => keptOf(project, target))) {
      const folder = folderOf(output, root);
      if (folder === null) continue;
      if (root !== '.' && isAtOrBelow(folder, root)) {
        const rest = folder.slice(root.length + 1);
        below.set(rest, (below.get(rest) ?? new Set()).add(root));
      } else {
        const [top = ''] = folder.split('/');
        add(roots.some((each) => isAtOrBelow(each, top)) ? folder : top, 1);
      }
    }
  }
  for (const [rest, at] of below) {
    const patterns = generalised([...at]);
    for (const pattern of patterns) add(`${pattern}/${rest}`, at.size / patterns.length);
  }
  return weights;
}

/** The declared outputs of targets as few paths that `artifacts:paths` of GitLab understands. */
export function artifactPaths(
  projects: readonly TargetsOfProject[],
  targets: readonly string[],
): ArtifactPaths {
  const weights = weighed(projects, targets);
  const all = [...weights.keys()].sort();
  const needed = all.filter((path) => !all.some((other) => other !== path && isAtOrBelow(path, other)));
  const byWeight = [...needed].sort((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0));
  const kept = new Set(byWeight.slice(0, MOST_PATHS));
  return {
    paths: needed.filter((path) => kept.has(path)),
    leftOut: needed.filter((path) => !kept.has(path)),
  };
}
