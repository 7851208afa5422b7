import { signal, useSignal } from '@preact/signals';
import { Output } from './parts/ansi';
import { Icon } from './parts/status';
import { failures, numberOf, select, type Row } from './core/state';
import { brief, count, counted, visible } from './core/text';

/** Failures that are open at first: one is read, of many the names are. */
const OPEN = 3;
/** Failures that are listed at first. */
const LISTED = 20;
/** Failures that are listed in addition each time: ten thousand at once would take a browser seconds. */
const MORE = 200;

const shown = signal(LISTED);

interface Props {
  readonly row: Row;
  readonly index: number;
}

function Body({ row }: { readonly row: Row }) {
  const { task } = row;
  return (
    <>
      {task.reason !== null && (
        <p class="reason">
          <code>{task.reason.code}</code> <bdi>{visible(task.reason.message)}</bdi>
        </p>
      )}
      <Output text={task.output ?? ''} label={`Output of ${task.id}`} />
      <button type="button" class="link" onClick={() => select(row)}>
        Attempts and dependencies<span class="hidden"> of {visible(task.id)}</span>
      </button>
    </>
  );
}

function Failure({ row, index }: Props) {
  const open = useSignal(index < OPEN);
  // A browser's search finds text in what is closed; beyond the first ones, that is not worth the time.
  const hasBody = open.value || index < LISTED;
  const { task, durationMs, place } = row;
  const number = numberOf(row);
  return (
    <li>
      <details
        class="failure"
        open={open.value}
        onToggle={({ currentTarget }) => (open.value = currentTarget.open)}
      >
        <summary>
          <Icon look="failed" />
          <bdi class="task-name">{visible(task.id)}</bdi>
          <span class="note">
            {[
              number === null ? null : `command ${number}`,
              task.code === null ? null : `exit code ${task.code}`,
              durationMs === null ? null : brief(durationMs),
              visible(place),
              task.attempts.length > 1 ? `${task.attempts.length} attempts` : null,
            ]
              .filter((part) => part !== null && part !== '')
              .join(' · ')}
          </span>
        </summary>
        {hasBody && <Body row={row} />}
      </details>
    </li>
  );
}

export function Failures() {
  const found = failures.value;
  if (found.length === 0) return null;
  const listed = found.slice(0, shown.value);
  return (
    <section class="panel" aria-labelledby="failures">
      <h2 id="failures">{counted(found.length, 'failure')}</h2>
      <ul class="failures">
        {listed.map((row, index) => (
          <Failure key={row.key} row={row} index={index} />
        ))}
      </ul>
      {listed.length < found.length && (
        <button type="button" class="button" onClick={() => (shown.value += MORE)}>
          Show more of {count(found.length)}
        </button>
      )}
    </section>
  );
}
