import { readHashInput, type HashInput } from '@org/dte-nx-compat';
import type { Drift } from '@org/dte-protocol';
import type { DifferingFile } from './differing-files';
import { differingNames, type Inputs, type OwnSide } from './differing-inputs';

/** What is known about both sides of a difference. */
export interface BothSides {
  readonly main: Inputs;
  /** Null: unknown. */
  readonly agent: Inputs | null;
  readonly drift: Drift;
  readonly own: OwnSide;
  readonly rootOf: (project: string) => string | undefined;
}

const OF_PACKAGES = [
  'package.json',
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'bun.lockb',
];
const OF_TYPESCRIPT = /^tsconfig[^/]*\.json$/;

/**
 * The files with uncommitted changes on the main job, if they are the only reason for a difference: plain Nx would use
 * them as they are. Empty if anything else differs, such as a variable, a tool or a file of the agent: people must fix
 * that.
 */
export function ownChanges(sides: BothSides): string[] {
  const { main, agent, rootOf } = sides;
  if (Object.keys(main).length === 0 || sides.own.files === null) return [];
  const names = agent === null ? Object.keys(main) : differingNames(main, agent);
  const found = new Set<string>();
  for (const name of names) {
    const files =
      agent === null
        ? untold(readHashInput(name, rootOf), sides)
        : explaining(readHashInput(name, rootOf), sides);
    if (files === null) return [];
    for (const file of files) found.add(file);
  }
  return [...found].sort();
}

/** The main job's own changes among some differing files; null if there are none, or the agent has its own changes. */
const onlyMain = (files: readonly DifferingFile[]): string[] | null =>
  files.length > 0 && files.every(({ side }) => side === 'main') ? files.map(({ path }) => path) : null;

/** What explains an input that differs; null if the main job's own changes do not. */
function explaining(input: HashInput, { own, rootOf }: BothSides): string[] | null {
  const files = own.files ?? [];
  switch (input.kind) {
    case 'files':
      return onlyMain(filesOf(input.patterns, files, own));
    case 'project':
      return onlyMain(files.filter(({ path }) => mayConfigure(path, rootOf(input.project))));
    case 'tsconfig':
      return onlyMain(files.filter(({ path }) => OF_TYPESCRIPT.test(path)));
    case 'external':
      return onlyMain(files.filter(({ path }) => OF_PACKAGES.includes(path)));
    default:
      return null;
  }
}

function filesOf(
  patterns: readonly string[],
  files: readonly DifferingFile[],
  { match }: OwnSide,
): DifferingFile[] {
  const matched = new Set(
    match(
      patterns,
      files.map(({ path }) => path),
    ),
  );
  return files.filter(({ path }) => matched.has(path));
}

/** A plugin may read any file of a project for its configuration, and nx.json and the files next to it. */
const mayConfigure = (path: string, root = ''): boolean =>
  !path.includes('/') || root === '' || root === '.' || path.startsWith(`${root}/`);

/** Like `explaining`, for an input that may or may not differ: if there is nothing to explain, that is fine. */
function untold(input: HashInput, { own, drift }: BothSides): string[] | null {
  switch (input.kind) {
    case 'env':
      return drift.env[input.name] === own.hasEnv(input.name) ? [] : null;
    case 'runtime':
      return drift.runtime[input.command] === own.runtime[input.command] ? [] : null;
    case 'files': {
      const files = filesOf(input.patterns, own.files ?? [], own);
      return files.length === 0 ? [] : onlyMain(files);
    }
    default:
      return [];
  }
}
