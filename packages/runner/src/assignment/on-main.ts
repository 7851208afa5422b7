import type { Assignment, TargetOf } from './assign';
import { fitsPattern } from './match';
import { nameOf } from './rule';

/**
 * Targets whose tasks are only right on the main job's disk, whatever the workspace: what `nx release publish` publishes has
 * been versioned there, and an image that `@nx/docker` builds is in the Docker of the machine that built it.
 */
export const ALWAYS_ON_MAIN: readonly string[] = ['nx-release-publish', 'docker:build'];

/** The target of what `nx release publish` runs. */
export const PUBLISH_TARGET = 'nx-release-publish';

/** What the option runOnMain says of tasks. */
export interface MainPatterns {
  /** The pattern that sends a task to the main job; null: none does. */
  patternFor(target: TargetOf): string | null;
  /** Does a pattern with `!` say that it may leave the main job? */
  isReleased(target: TargetOf): boolean;
}

/** How patterns may name a task: by its target, by project and target, or as Nx does in full. */
const namesOf = ({ project, target, configuration }: TargetOf): string[] => [
  target,
  `${project}:${target}`,
  ...(configuration === undefined ? [] : [`${project}:${target}:${configuration}`]),
];

/** Does a pattern of runOnMain, its `!` left out, mean this task? */
export const meansTask = (target: TargetOf, pattern: string): boolean => {
  const bare = pattern.startsWith('!') ? pattern.slice(1) : pattern;
  return namesOf(target).some((name) => fitsPattern(name, bare));
};

/** @param patterns option runOnMain: they go on from `ALWAYS_ON_MAIN`, so that `!nx-release-publish` takes that out */
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
 * Why a task belongs to the main job: the option runOnMain comes first, then the one rule that applies to the task. Null
 * when neither says so.
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
