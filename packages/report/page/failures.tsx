import { signal } from '@preact/signals';
import { Output } from './parts/ansi';
import { Icon } from './parts/status';
import { failures, select, type Row } from './state';
import { brief, count, counted, visible } from './text';

/** Failures that are open at first: one is read, of many the names are. */
const OPEN = 3;
/** Failures that are listed at first. */
const LISTED = 20;

const all = signal(false);

function Failure({ row, open }: { readonly row: Row; readonly open: boolean }) {
  const { task, durationMs, place } = row;
  return (
    <li>
      <details class="failure" open={open}>
        <summary>
          <Icon look="failed" />
          <bdi class="task-name">{visible(task.id)}</bdi>
          <span class="note">
            {[
              task.code === null ? null : `exit code ${task.code}`,
              durationMs === null ? null : brief(durationMs),
              place,
              task.attempts.length > 1 ? `${task.attempts.length} attempts` : null,
            ]
              .filter((part) => part !== null && part !== '')
              .join(' · ')}
          </span>
        </summary>
        {task.reason !== null && (
          <p class="reason">
            <code>{task.reason.code}</code> <bdi>{visible(task.reason.message)}</bdi>
          </p>
        )}
        <Output text={task.output ?? ''} label={`Output of ${task.id}`} />
        <button type="button" class="link" onClick={() => select(row)}>
          Attempts and dependencies<span class="hidden"> of {visible(task.id)}</span>
        </button>
      </details>
    </li>
  );
}

export function Failures() {
  const found = failures.value;
  if (found.length === 0) return null;
  const listed = all.value ? found : found.slice(0, LISTED);
  return (
    <section class="panel" aria-labelledby="failures">
      <h2 id="failures">{counted(found.length, 'failure')}</h2>
      <ul class="failures">
        {listed.map((row, index) => (
          <Failure key={row.key} row={row} open={index < OPEN} />
        ))}
      </ul>
      {listed.length < found.length && (
        <button type="button" class="button" onClick={() => (all.value = true)}>
          Show all {count(found.length)}
        </button>
      )}
    </section>
  );
}
