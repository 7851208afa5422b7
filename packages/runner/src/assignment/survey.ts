import { createAssignment, type MatchProjects, type TargetOf } from './assign';
import { fitsList } from './match';
import { meansTask, readMainPatterns } from './on-main';
import type { Problem, Rule } from './rule';

/** A project as rules see it: target -> its configurations, and the default one. */
export interface SurveyedProject {
  readonly name: string;
  readonly targets: Readonly<
    Record<string, { readonly configurations: readonly string[]; readonly standard: string | undefined }>
  >;
}

export interface TakenBy {
  /** Null: tasks without a rule. */
  readonly rule: Rule | null;
  /** Ids as Nx writes them, `app:build:production`. */
  readonly tasks: readonly string[];
}

export interface Survey {
  /** Every rule in the order of the file, then the tasks without a rule. */
  readonly taken: readonly TakenBy[];
  /** Tasks that the option runOnMain, including its default list, excludes from all rules. */
  readonly onMain: readonly string[];
  /** Patterns of runOnMain that match no task. */
  readonly idleOnMain: readonly string[];
  readonly warnings: readonly Problem[];
}

interface Candidate extends TargetOf {
  readonly id: string;
}

/** Every possible task: each target with each of its configurations, and without one if it has no default. */
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

/** A pattern without its `!`, if there is nothing else to it. */
const bare = (pattern: string): string => (pattern.startsWith('!') ? pattern.slice(1) : pattern);

/** Patterns that match nothing in this workspace, usually because of a misspelled name. */
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
 * Determines which rule applies to each possible task of a workspace, and reports problems.
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
    // By itself, it would match tasks to which other rules apply.
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
