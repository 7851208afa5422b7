import type { NxProjectGraph, NxTask, TaskGraph } from '@org/dte-nx-compat';
import { mainReason, PUBLISH_TARGET, type MainPatterns } from '../assignment/on-main';
import type { Assignment } from '../assignment/assign';
import { commandText } from './command-text';
import { outsideReason } from './outside-outputs';

/** Task id -> why it runs on the main job. Tasks that need one of them run there as well and are not named. */
export type Reasons = ReadonlyMap<string, string>;

export interface ByRuleInput {
  readonly graph: TaskGraph;
  readonly projectGraph: Pick<NxProjectGraph, 'nodes'>;
  readonly patterns: MainPatterns;
  readonly assignment: Pick<Assignment, 'ruleFor'>;
  readonly isRequested: (task: NxTask) => boolean;
}

/**
 * Tasks that the option runOnMain or an assignment rule assigns to the main job, and those that need it by their nature. A
 * command that only publishes runs there as a whole: `nx release` has versioned the files on that disk, and no dependency of
 * a publication may come from another disk.
 */
export function onMainByRule(input: ByRuleInput): Map<string, string> {
  const { graph, patterns, assignment, isRequested } = input;
  const tasks = Object.values(graph.tasks);
  const reasons = new Map<string, string>();
  for (const task of tasks) {
    const reason =
      mainReason(task.target, patterns, assignment) ?? releaseReason(task, input) ?? outsideReason(task);
    if (reason !== null) reasons.set(task.id, reason);
  }
  const requested = tasks.filter(isRequested);
  const publishes = ({ id, target }: NxTask): boolean => target.target === PUBLISH_TARGET && reasons.has(id);
  if (requested.length === 0 || !requested.every(publishes)) return reasons;
  for (const { id } of tasks) if (!reasons.has(id)) reasons.set(id, 'needed for publishing');
  return reasons;
}

/** `npx nx release publish`, or the target that it runs, in a command, a list of commands or a script of package.json. */
const STARTS_RELEASE = /\bnx release\b|\bnx-release-publish\b/;

/** On an agent, such a task would publish the agent's files. */
function releaseReason({ target }: NxTask, { projectGraph, patterns }: ByRuleInput): string | null {
  const starts = STARTS_RELEASE.test(commandText(target, projectGraph));
  return starts && !patterns.isReleased(target) ? 'its command starts nx release' : null;
}
