import type { PlannedTask } from './plan';

/** Options that select tasks: those of the new command are selected by name. Each takes the words up to the next option. */
const SELECTING = /^(-t|--targets?|-p|--projects?|--base|--head|--files)$/;
const SELECTING_WITH_VALUE = /^(-t|--targets?|-p|--projects?|--base|--head|--files)=/;
const SELECTING_SWITCH = /^--(uncommitted|untracked|all)(=.*)?$/;

/** The options that stay the same, of `nx run-many` or `nx affected`. */
function otherOptions(args: readonly string[]): string[] {
  const kept: string[] = [];
  let isValue = false;
  for (const [index, word] of args.entries()) {
    if (word === '--') return [...kept, ...args.slice(index)];
    if (SELECTING.test(word)) isValue = true;
    else if (!isValue || word.startsWith('-')) {
      isValue = false;
      if (!SELECTING_WITH_VALUE.test(word) && !SELECTING_SWITCH.test(word)) kept.push(word);
    }
  }
  return kept;
}

/** Commands that run these tasks, with the same options as `command`, and the tasks of each. */
export interface Rerun {
  readonly command: readonly string[];
  readonly ids: readonly string[];
}

/**
 * Commands of plain Nx that run some tasks once more, and only those and what they depend on: one for each target.
 * A command that selects its tasks differently is repeated as it is.
 */
export function rerunsOf(
  command: readonly string[],
  ids: readonly string[],
  plan: readonly PlannedTask[],
): Rerun[] {
  const [name, ...args] = command;
  const tasks = plan.filter(({ id }) => ids.includes(id));
  if ((name !== 'run-many' && name !== 'affected') || tasks.length < ids.length) return [{ command, ids }];
  const options = otherOptions(args);
  return [...new Set(tasks.map(({ target }) => target))].map((target) => {
    const ofTarget = tasks.filter((task) => task.target === target);
    const projects = [...new Set(ofTarget.map(({ project }) => project))].join(',');
    return {
      command: ['run-many', `--targets=${target}`, `--projects=${projects}`, ...options],
      ids: ofTarget.map(({ id }) => id),
    };
  });
}
