import { DteError } from '@org/dte-protocol';
import { fitsList } from './match';
import { nameOf, type Rule } from './rule';

/** A task as rules see it: what Nx calls its target. */
export interface TargetOf {
  readonly project: string;
  readonly target: string;
  readonly configuration?: string | undefined;
}

/** Names of the projects that a list of patterns means, as Nx reads it. */
export type MatchProjects = (patterns: readonly string[]) => readonly string[];

/** Rules made ready for asking. */
export interface Assignment {
  readonly rules: readonly Rule[];
  /** The rule that applies to a task; undefined: none does, and any agent. */
  readonly ruleFor: (target: TargetOf) => Rule | undefined;
}

/**
 * How exactly a rule says what it means: configuration + target + project, configuration + target, configuration +
 * project, target + project, configuration, target, project.
 */
export function specificity({ configurations, targets, projects }: Partial<Rule>): number {
  const named = [configurations, targets, projects].map((list) => Number(list !== undefined));
  const [configuration = 0, target = 0, project = 0] = named;
  return 8 * (configuration + target + project) + 4 * configuration + 2 * target + project;
}

function projectsOf(rule: Rule, matchProjects: MatchProjects): ReadonlySet<string> | null {
  if (rule.projects === undefined) return null;
  try {
    return new Set(matchProjects(rule.projects));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DteError('DTE_BAD_RULES', `${nameOf(rule)}: Nx cannot read the projects: ${why}`, { cause });
  }
}

/** Remembers the answer for each name: a run has thousands of tasks and few names of targets. */
function fitting(patterns: readonly string[] | undefined): (name: string | undefined) => boolean {
  if (patterns === undefined) return () => true;
  const known = new Map<string, boolean>();
  return (name) => {
    if (name === undefined) return false;
    const before = known.get(name);
    if (before !== undefined) return before;
    const fits = fitsList(name, patterns);
    known.set(name, fits);
    return fits;
  };
}

/**
 * Exactly one rule applies to a task: of those that fit it the most specific one, and of equals the first.
 * @throws DteError DTE_BAD_RULES for a pattern of projects that Nx cannot read
 */
export function createAssignment(rules: readonly Rule[], matchProjects: MatchProjects): Assignment {
  // Sorting is stable: equals stay in the order of the file.
  const ready = [...rules]
    .sort((a, b) => specificity(b) - specificity(a))
    .map((rule) => ({
      rule,
      projects: projectsOf(rule, matchProjects),
      fitsTarget: fitting(rule.targets),
      fitsConfiguration: fitting(rule.configurations),
    }));
  return {
    rules,
    ruleFor: ({ project, target, configuration }) =>
      ready.find(
        ({ projects, fitsTarget, fitsConfiguration }) =>
          (projects === null || projects.has(project)) &&
          fitsTarget(target) &&
          fitsConfiguration(configuration),
      )?.rule,
  };
}
