import { DteError } from '@org/dte-protocol';
import { fitsList } from './match';
import { nameOf, type Rule } from './rule';

/** A task as rules see it: Nx's target. */
export interface TargetOf {
  readonly project: string;
  readonly target: string;
  readonly configuration?: string | undefined;
}

/** Names of the projects that a list of patterns selects, as parsed by Nx. */
export type MatchProjects = (patterns: readonly string[]) => readonly string[];

/** Prepared rules. */
export interface Assignment {
  readonly rules: readonly Rule[];
  /** The rule that applies to a task; undefined: none, so any agent may run it. */
  readonly ruleFor: (target: TargetOf) => Rule | undefined;
}

/**
 * How specific a rule is: configuration + target + project, configuration + target, configuration + project, target +
 * project, configuration, target, project.
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

/** Caches the result for each name: a run has thousands of tasks but few target names. */
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
 * Exactly one rule applies to a task: of those that match, the most specific one; of equally specific ones, the first.
 * @throws DteError DTE_BAD_RULES for a project pattern that Nx cannot parse
 */
export function createAssignment(rules: readonly Rule[], matchProjects: MatchProjects): Assignment {
  // Sorting is stable: equally specific rules stay in the order of the file.
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
