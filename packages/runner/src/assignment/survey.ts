import { createAssignment, type MatchProjects, type TargetOf } from './assign';
import { fitsList } from './match';
import { meansTask, readMainPatterns } from './on-main';
import type { Problem, Rule } from './rule';

/** A project as far as rules look at it: target -> its configurations, and the one it has when none is said. */
export interface SurveyedProject {
  readonly name: string;
  readonly targets: Readonly<
    Record<string, { readonly configurations: readonly string[]; readonly standard: string | undefined }>
  >;
}

export interface TakenBy {
  /** Null: tasks of no rule. */
  readonly rule: Rule | null;
  /** Ids as Nx writes them, `app:build:production`. */
  readonly tasks: readonly string[];
}

export interface Survey {
  /** Every rule in the order of the file, then what is left. */
  readonly taken: readonly TakenBy[];
  /** What the option runOnMain, with what it always has, keeps from all rules. */
  readonly onMain: readonly string[];
  /** Patterns of runOnMain that mean no task. */
  readonly idleOnMain: readonly string[];
  readonly warnings: readonly Problem[];
}

interface Candidate extends TargetOf {
  readonly id: string;
}

/** Every task there can be: each target with each of its configurations, and without if it has no standard one. */
function candidatesOf(projects: readonly SurveyedProject[]): Candidate[] {
  return projects.flatMap(({ name, targets }) =>
    Object.entries(targets).flatMap(([target, { configurations, standard }]) => {
      const id = `${name}:${target}`;
      const named = [...new Set([...configurations, ...(standard === undefined ? [] : [standard])])];
      return [
        ...(standard === undefined ? [{ id, project: name, target }] : []),
        ...named.map((configuration) => ({
          id: `${id}:${configuration}`,
          project: name,
          target,
          configuration,
        })),
      ];
    }),
  );
}

/** A pattern without its `!`, if that is all it is. */
const bare = (pattern: string): string => (pattern.startsWith('!') ? pattern.slice(1) : pattern);

/** Patterns that mean nothing in this workspace: a misspelt name is the usual cause. */
function idlePatterns(
  rule: Rule,
  matchProjects: MatchProjects,
  targets: ReadonlySet<string>,
  configurations: ReadonlySet<string>,
): string[] {
  const none = (names: ReadonlySet<string>, pattern: string): boolean =>
    ![...names].some((name) => fitsList(name, [bare(pattern)]));
  const kinds = [
    ['project', rule.projects, (pattern: string) => matchProjects([bare(pattern)]).length === 0],
    ['target', rule.targets, (pattern: string) => none(targets, pattern)],
    ['configuration', rule.configurations, (pattern: string) => none(configurations, pattern)],
  ] as const;
  return kinds.flatMap(([kind, patterns = [], isIdle]) =>
    patterns.filter(isIdle).map((pattern) => `no ${kind} of this workspace matches ${pattern}`),
  );
}

/**
 * Which rule takes which of all the tasks that a workspace can have, and what is odd about it.
 * @param runOnMain the option
 */
export function surveyRules(
  rules: readonly Rule[],
  projects: readonly SurveyedProject[],
  matchProjects: MatchProjects,
  runOnMain: readonly string[] = [],
): Survey {
  const { ruleFor } = createAssignment(rules, matchProjects);
  const main = readMainPatterns(runOnMain);
  const taken = new Map<Rule | null, string[]>([...rules, null].map((rule) => [rule, []]));
  const all = candidatesOf(projects);
  const isOnMain = (candidate: Candidate): boolean => main.patternFor(candidate) !== null;
  const candidates = all.filter((candidate) => !isOnMain(candidate));
  for (const candidate of candidates) taken.get(ruleFor(candidate) ?? null)?.push(candidate.id);
  const targets = new Set(all.map(({ target }) => target));
  const configurations = new Set(
    all.flatMap(({ configuration }) => (configuration === undefined ? [] : [configuration])),
  );
  const warnings = rules.flatMap((rule): Problem[] => {
    const warn = (message: string): Problem => ({
      file: rule.file,
      line: rule.line,
      level: 'warning',
      message,
    });
    const idle = idlePatterns(rule, matchProjects, targets, configurations).map(warn);
    if (idle.length > 0 || taken.get(rule)?.length !== 0) return idle;
    // Alone it may take some, which then are those of others.
    const alone = createAssignment([rule], matchProjects);
    const fits = (candidate: Candidate): boolean => alone.ruleFor(candidate) !== undefined;
    if (candidates.some(fits))
      return [warn('applies to no task: other rules take precedence for all tasks that it matches')];
    return [
      warn(
        all.some(fits)
          ? 'applies to no task: all tasks that it matches run on the main job (option runOnMain)'
          : 'applies to no task: no task matches all of its keys',
      ),
    ];
  });
  return {
    taken: [...taken].map(([rule, tasks]) => ({ rule, tasks })),
    onMain: all.filter(isOnMain).map(({ id }) => id),
    idleOnMain: runOnMain.filter((pattern) => !all.some((candidate) => meansTask(candidate, pattern))),
    warnings,
  };
}
