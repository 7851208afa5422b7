import type { NxTask, TaskGraph } from '@org/dte-nx-compat';
import { mainReason, PUBLISH_TARGET, type MainPatterns } from '../../assignment/on-main';
import type { Assignment } from '../../assignment/assign';

/** Task id -> why it runs in the main job. Tasks that need one of them run there as well and are not named. */
export type Reasons = ReadonlyMap<string, string>;

export interface ByRuleInput {
  readonly graph: TaskGraph;
  readonly patterns: MainPatterns;
  readonly assignment: Pick<Assignment, 'ruleFor'>;
  readonly isRequested: (task: NxTask) => boolean;
}

/**
 * Tasks that the option runOnMain or an assignment rule sends to the main job. A command that only publishes is there as a
 * whole: `nx release` has versioned what lies on that disk, and nothing below a publication may come from another one.
 */
export function onMainByRule({ graph, patterns, assignment, isRequested }: ByRuleInput): Map<string, string> {
  const tasks = Object.values(graph.tasks);
  const reasons = new Map<string, string>();
  for (const { id, target } of tasks) {
    const reason = mainReason(target, patterns, assignment);
    if (reason !== null) reasons.set(id, reason);
  }
  const requested = tasks.filter(isRequested);
  const publishes = ({ id, target }: NxTask): boolean => target.target === PUBLISH_TARGET && reasons.has(id);
  if (requested.length === 0 || !requested.every(publishes)) return reasons;
  for (const { id } of tasks) if (!reasons.has(id)) reasons.set(id, 'needed for a publication');
  return reasons;
}
