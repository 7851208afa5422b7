import { printable, type Placement } from '@org/dte-protocol';
import type { Assignment, TargetOf } from './assign';
import { agentsOf, nameOf, type Rule } from './rule';
import { MAIN } from './schema';

/** Where the tasks of a run may run. */
export interface Placing {
  /** The rules that apply to tasks of the run. */
  readonly placements: readonly Placement[];
  /** Task id -> index into `placements`; none for tasks that any agent may run. */
  readonly indexOf: ReadonlyMap<string, number>;
}

const placementOf = (rule: Rule): Placement => ({
  rule: printable(nameOf(rule), 1024),
  runOn: agentsOf(rule).map(({ agent, parallelism }) => ({ label: agent, parallelism: parallelism ?? null })),
});

/** Determines where the tasks of a run may run. */
export function placeTasks(
  { ruleFor }: Assignment,
  tasks: Iterable<{ readonly id: string; readonly target: TargetOf }>,
): Placing {
  const used = new Map<Rule, number>();
  const indexOf = new Map<string, number>();
  for (const { id, target } of tasks) {
    const rule = ruleFor(target);
    if (rule === undefined || rule['run-on'] === MAIN) continue;
    const index = used.get(rule) ?? used.size;
    used.set(rule, index);
    indexOf.set(id, index);
  }
  return { placements: [...used.keys()].map(placementOf), indexOf };
}
