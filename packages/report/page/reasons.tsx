import { computed } from '@preact/signals';
import { missReasonsOf } from '../src/views/miss-reasons';
import { rowBy, rows } from './core/state';
import { count, counted, percent, visible } from './core/text';
import { TaskLink } from './parts/task-link';

/** Reasons that are listed: the first ones are those that most tasks share. */
const LISTED = 10;
/** Tasks that are named for each. */
const EXAMPLES = 3;

const missed = computed(() => rows.value.filter(({ task }) => task.miss !== null));
const reasons = computed(() =>
  missReasonsOf({ tasks: missed.value.map(({ key, task }) => ({ id: key, miss: task.miss })) }),
);

function Examples({ keys }: { readonly keys: readonly string[] }) {
  return (
    <>
      {keys.slice(0, EXAMPLES).map((key) => {
        const row = rowBy(key);
        return row === undefined ? null : <TaskLink key={key} row={row} />;
      })}
      {keys.length > EXAMPLES && <span class="note">and {count(keys.length - EXAMPLES)} more</span>}
    </>
  );
}

/** Why no cache had the results: over all commands, what most tasks have in common first. */
export function Reasons() {
  const all = reasons.value;
  const { length } = missed.value;
  if (length === 0) return null;
  return (
    <section class="panel reasons" aria-labelledby="reasons-title">
      <div class="bar">
        <h2 id="reasons-title">Why tasks had to run</h2>
        <p class="quiet">
          No cache had the results of {counted(length, 'task')}. A task of which several inputs differ is in
          several rows.
        </p>
      </div>
      <table>
        <thead>
          <tr>
            <th scope="col">What differed</th>
            <th scope="col" class="number">
              Tasks
            </th>
            <th scope="col" class="examples">
              Which
            </th>
          </tr>
        </thead>
        <tbody>
          {all.slice(0, LISTED).map(({ text, tasks }) => (
            <tr key={text}>
              <th scope="row">
                <bdi>{visible(text)}</bdi>
              </th>
              <td class="number">
                {count(tasks.length)} <span class="note">{percent(tasks.length, length)}</span>
              </td>
              <td class="examples">
                <Examples keys={tasks} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {all.length > LISTED && <p class="quiet">and {counted(all.length - LISTED, 'more reason')}</p>}
    </section>
  );
}
