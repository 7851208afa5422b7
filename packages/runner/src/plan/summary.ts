import { duration, plural } from '@org/dte-protocol';
import type { Need } from './agents-needed';
import type { PlannedTask } from './planned-work';

const count = (tasks: readonly PlannedTask[], place: PlannedTask['place']): number =>
  tasks.filter((task) => task.place === place).length;

/**
 * A plan in one line.
 * @param results the earlier results that its durations are from; null: none are known
 */
export function planSummary(tasks: readonly PlannedTask[], need: Need, results: number | null): string {
  // So that a reader knows how far to trust the number of agents.
  const basis = results === null ? '' : ` (from ${plural(results, 'earlier result')})`;
  const [cached, main] = [count(tasks, 'cached'), count(tasks, 'main')];
  return [
    `dte: ${plural(tasks.length, 'affected task')}`,
    ...(cached > 0 ? [`${cached} in cache`] : []),
    ...(main > 0 ? [`${main} for the main job itself`] : []),
    `${need.tasks} for agents, about ${duration(need.workMs)} of work${basis}`,
    plural(need.agents, 'agent'),
  ].join(' · ');
}
