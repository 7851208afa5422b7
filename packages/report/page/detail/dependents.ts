import { computed } from '@preact/signals';
import { model, rowAt, type Row } from '../core/state';

/** For each command and each of its tasks, the tasks that wait for it. */
const indexes = computed(() =>
  model.value.model.runs.map(({ tasks }) => {
    const found = new Map<number, number[]>();
    tasks.forEach(({ dependencies }, index) => {
      for (const needed of dependencies) {
        const known = found.get(needed);
        if (known === undefined) found.set(needed, [index]);
        else known.push(index);
      }
    });
    return found;
  }),
);

export const dependents = ({ runIndex, index }: Row): Row[] =>
  (indexes.value[runIndex]?.get(index) ?? [])
    .map((dependent) => rowAt(runIndex, dependent))
    .filter((found) => found !== undefined);
