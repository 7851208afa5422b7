import type { SessionModel, TaskModel } from '../model/model';
import { failuresOf } from '../views/totals';

/** Lines of each failure's output that a page shows: the error is at the end. The whole output is in the job's log. */
const OUTPUT_LINES = 200;
/** Characters of it, because a line may have a million. */
const OUTPUT_CHARS = 65_536;
/** Characters of all of them: a page that says that everything failed is to be opened as well. */
const TOTAL_CHARS = 2_097_152;

/** The end of a text: at most so many lines and characters. */
export const endOfText = (text: string, lines: number, chars: number): string =>
  text.slice(-chars).trimEnd().split('\n').slice(-lines).join('\n');

/** The same model with as much output as a page can carry; the first failures keep theirs. */
export function boundedModel(model: SessionModel): SessionModel {
  let left = TOTAL_CHARS;
  const outputs = new Map<TaskModel, string>();
  for (const { task } of failuresOf(model)) {
    const output = endOfText(task.output ?? '', OUTPUT_LINES, Math.min(OUTPUT_CHARS, left));
    // What `slice(-0)` gives is everything.
    outputs.set(task, left > 0 ? output : '');
    left = Math.max(0, left - output.length);
  }
  const runs = model.runs.map((run) => ({
    ...run,
    tasks: run.tasks.map((task) => ({ ...task, output: outputs.get(task) ?? null })),
  }));
  return { ...model, runs };
}
