import { type CheckKind } from '@org/dte-nx-compat';
import { projectsByTarget, type ProjectTarget, type TargetsOfProject } from './workspace-targets';

export interface Chosen {
  /** In the order of the command line. */
  readonly targets: readonly string[];
  /** Checks that a first pipeline should not run, and why. */
  readonly heldBack: readonly { readonly target: string; readonly why: string }[];
}

interface Candidate {
  readonly name: string;
  readonly kind: CheckKind;
  readonly with: readonly (readonly [TargetsOfProject, ProjectTarget])[];
}

const ORDER: readonly CheckKind[] = ['lint', 'typecheck', 'test', 'build', 'e2e'];

function candidates(projects: readonly TargetsOfProject[]): Candidate[] {
  const found: Candidate[] = [];
  for (const [name, having] of projectsByTarget(projects)) {
    // A command line separates names by commas and words.
    if (/[\s,]/.test(name)) continue;
    const all = having.flatMap((project) => {
      const target = project.targets.get(name);
      return target === undefined ? [] : [[project, target] as const];
    });
    const kind = all.map(([, { kind }]) => kind).find((each) => each !== null);
    if (kind !== undefined) found.push({ name, kind, with: all });
  }
  return found;
}

/** Where every project that has the whole target also has it split, the split one; else the whole one, which all have. */
function withoutDoubles(all: readonly Candidate[]): Candidate[] {
  const dropped = new Set<string>();
  for (const { name, with: having } of all) {
    const whole = having.map(([, { splitFrom }]) => splitFrom).find((from) => from !== null);
    const other = all.find((each) => each.name === whole);
    if (other === undefined) continue;
    const isSplit = new Set(having.map(([project]) => project));
    dropped.add(other.with.every(([project]) => isSplit.has(project)) ? other.name : name);
  }
  return all.filter(({ name }) => !dropped.has(name));
}

const STARTS_SCRIPTS = /\b(?:npm|pnpm|yarn|bun|npm-run-all2?|run-[sp]|concurrently|wireit|lerna)\b/;

/** Does a command run the script of that name? By its name, or by a pattern such as `test:*`. */
function runsScript(command: string, script: string): boolean {
  if (!STARTS_SCRIPTS.test(command)) return false;
  return command.split(/[\s"'`;&|,{}()]+/).some((word) => {
    const name = word.replace(/^(?:npm|pnpm|yarn):/, '');
    if (name === script) return true;
    return name.length > 2 && name.endsWith(':*') && script.startsWith(name.slice(0, -1));
  });
}

/** A script for tests may run the build first: that does not make the build superfluous. */
const isPartOf = (child: Candidate, [name, parent]: readonly [string, ProjectTarget]): boolean =>
  parent.kind === child.kind ||
  /^[:._-]/.test(child.name.startsWith(name) ? child.name.slice(name.length) : '');

/** Without scripts that another remaining script of the same project runs, in every project. */
function withoutCovered(all: readonly Candidate[]): Candidate[] {
  const left = new Set(all.map(({ name }) => name));
  // The longest names first: of two scripts that run each other, one remains.
  for (const child of [...all].sort((a, b) => b.name.length - a.name.length)) {
    const isCovered = child.with.every(([{ targets }]) =>
      [...targets].some(
        (parent) =>
          parent[0] !== child.name &&
          left.has(parent[0]) &&
          isPartOf(child, parent) &&
          runsScript(parent[1].command, child.name),
      ),
    );
    if (isCovered) left.delete(child.name);
  }
  return all.filter(({ name }) => left.has(name));
}

/** Variants (`test:coverage`) only where a project has no main target of the kind. */
function withoutVariants(all: readonly Candidate[]): Candidate[] {
  const isVariant = ({ with: having }: Candidate): boolean => having.every(([, target]) => target.isVariant);
  const main = all.filter((candidate) => !isVariant(candidate));
  return all.filter((candidate) => {
    if (!isVariant(candidate)) return true;
    return candidate.with.some(
      ([{ targets }]) => !main.some(({ name, kind }) => kind === candidate.kind && targets.has(name)),
    );
  });
}

export const plainList = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;

/** Why this target of a workspace needs more than an image with Node. Null: it needs nothing. */
export function browsersOf(projects: readonly TargetsOfProject[], target: string): string[] {
  const found = projects.flatMap(({ targets }) => targets.get(target)?.browser ?? []);
  return [...new Set(found)].sort();
}

function reasonAgainst({ name, with: having }: Candidate, hasBrowser: boolean): string | null {
  const endless = having.filter(([, { isEndless }]) => isEndless).map(([project]) => project.name);
  if (endless.length > 0) return `it does not end in ${plainList(endless)}`;
  const browsers = browsersOf(
    having.map(([project]) => project),
    name,
  );
  if (browsers.length > 0 && !hasBrowser) return `${plainList(browsers)} needs an image with a browser`;
  return null;
}

const byOrder = (a: Candidate, b: Candidate): number => {
  const kind = ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind);
  if (kind !== 0) return kind;
  return a.name < b.name ? -1 : 1;
};

/**
 * The targets of a first pipeline: everything that checks something, each project's work once, found by what targets do
 * and not by their names.
 * @param hasBrowser whether the jobs' image is known to have one
 */
export function chooseTargets(projects: readonly TargetsOfProject[], hasBrowser: boolean): Chosen {
  const found = withoutVariants(withoutCovered(withoutDoubles(candidates(projects)))).sort(byOrder);
  const judged = found.map((candidate) => ({
    target: candidate.name,
    why: reasonAgainst(candidate, hasBrowser),
  }));
  return {
    targets: judged.filter(({ why }) => why === null).map(({ target }) => target),
    heldBack: judged.flatMap(({ target, why }) => (why === null ? [] : [{ target, why }])),
  };
}
