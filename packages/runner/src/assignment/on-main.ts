import type { Assignment, TargetOf } from './assign';
import { fitsPattern } from './match';
import { nameOf } from './rule';

/**
 * Targets whose tasks are correct only on the main job's disk, in every workspace: `nx release publish` publishes what
 * was versioned there, and an image that `@nx/docker` builds is in the Docker daemon of the machine that built it.
 */
export const ALWAYS_ON_MAIN: readonly string[] = ['nx-release-publish', 'docker:build'];

/** The target that `nx release publish` runs. */
export const PUBLISH_TARGET = 'nx-release-publish';

/** The effect of the option runOnMain on tasks. */
export interface MainPatterns {
  /** The pattern that sends a task to the main job; null: none does. */
  patternFor(target: TargetOf): string | null;
  /** Does a pattern with `!` allow it to leave the main job? */
  isReleased(target: TargetOf): boolean;
}

/** The forms of a task in patterns: target, project and target, or Nx's full id. */
const namesOf = ({ project, target, configuration }: TargetOf): string[] => [
  target,
  `${project}:${target}`,
  ...(configuration === undefined ? [] : [`${project}:${target}:${configuration}`]),
];

/** Does a pattern of runOnMain, without its `!`, match this task? */
export const meansTask = (target: TargetOf, pattern: string): boolean => {
  const bare = pattern.startsWith('!') ? pattern.slice(1) : pattern;
  return namesOf(target).some((name) => fitsPattern(name, bare));
};

/** @param patterns option runOnMain: they are appended to `ALWAYS_ON_MAIN`, so that `!nx-release-publish` excludes that target */
export function readMainPatterns(patterns: readonly string[]): MainPatterns {
  const last = (target: TargetOf): string | null =>
    [...ALWAYS_ON_MAIN, ...patterns].findLast((pattern) => meansTask(target, pattern)) ?? null;
  return {
    patternFor: (target) => {
      const pattern = last(target);
      return pattern === null || pattern.startsWith('!') ? null : pattern;
    },
    isReleased: (target) => last(target)?.startsWith('!') === true,
  };
}

/**
 * Why a task runs on the main job: the option runOnMain comes first, then the rule that applies to the task. Null if
 * neither sends it there.
 */
export function mainReason(
  target: TargetOf,
  patterns: MainPatterns,
  { ruleFor }: Pick<Assignment, 'ruleFor'>,
): string | null {
  const pattern = patterns.patternFor(target);
  if (pattern !== null) return `runOnMain: ${pattern}`;
  const rule = ruleFor(target);
  return rule?.['run-on'] === 'main' ? nameOf(rule) : null;
}
