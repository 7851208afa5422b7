import type { TaskModel } from '../model/model';

/** A reason for which tasks of a command ran. */
export interface MissReason {
  readonly text: string;
  /** Ids of the tasks. */
  readonly tasks: readonly string[];
}

interface MissedTasks {
  readonly tasks: readonly Pick<TaskModel, 'id' | 'miss'>[];
}

/** What differed, the most frequent first. A task of which several inputs differ is counted for each of them. */
export function missReasonsOf({ tasks }: MissedTasks): MissReason[] {
  const byText = new Map<string, string[]>();
  for (const { id, miss } of tasks) {
    if (miss === null) continue;
    for (const text of miss.inputs.length === 0 ? [miss.text] : miss.inputs) {
      const known = byText.get(text) ?? [];
      known.push(id);
      byText.set(text, known);
    }
  }
  return [...byText]
    .map(([text, ids]) => ({ text, tasks: ids }))
    .sort((a, b) => b.tasks.length - a.tasks.length || (a.text < b.text ? -1 : 1));
}
