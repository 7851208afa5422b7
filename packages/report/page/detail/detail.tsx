import { useEffect, useRef } from 'preact/hooks';
import { Attempts } from './attempts';
import { Output } from '../parts/ansi';
import { LiveOutput } from './live-output';
import { lookOf, Status, Icon } from '../parts/status';
import { addresses, numberOf, rowAt, select, selected, unselect, type Row } from '../core/state';
import { against, brief, counted, visible } from '../core/text';
import { cacheText } from '../tasks/view';
import { dependents } from './dependents';

/** Links of a list that are shown: a task may have a thousand dependents. */
const LISTED = 30;

function Links({ title, rows }: { readonly title: string; readonly rows: readonly Row[] }) {
  if (rows.length === 0) return null;
  return (
    <section>
      <h3>{title}</h3>
      <ul class="links">
        {rows.slice(0, LISTED).map((row) => (
          <li key={row.key}>
            <Icon look={lookOf(row.task)} size={14} />
            <button type="button" class="link" onClick={() => select(row)}>
              <bdi>{visible(row.task.id)}</bdi>
            </button>
            {row.durationMs !== null && <span class="note">{brief(row.durationMs)}</span>}
          </li>
        ))}
      </ul>
      {rows.length > LISTED && <p class="quiet">and {counted(rows.length - LISTED, 'more task')}</p>}
    </section>
  );
}

function Facts({ row }: { readonly row: Row }) {
  const { task, durationMs, place } = row;
  const { expectedMs } = task;
  const number = numberOf(row);
  const facts: [string, string | null][] = [
    ['Command', number === null ? null : `${number} ${row.run.command}`],
    ['Project', task.project],
    ['Target', task.target],
    ['Configuration', task.configuration],
    ['Ran on', place === '' ? null : place],
    ['Exit code', task.code === null ? null : String(task.code)],
    ['Duration', durationMs === null ? null : brief(durationMs)],
    [
      'Expected',
      expectedMs === null
        ? null
        : durationMs === null
          ? brief(expectedMs)
          : `${brief(expectedMs)} (${against(durationMs, expectedMs)})`,
    ],
    ['Cache', cacheText(row) || null],
    ['Hash', task.hash],
  ];
  return (
    <dl class="pairs">
      {facts
        .filter((fact): fact is [string, string] => fact[1] !== null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <bdi>{visible(value)}</bdi>
            </dd>
          </div>
        ))}
    </dl>
  );
}

function Miss({ row: { task } }: { readonly row: Row }) {
  if (task.miss === null || task.miss.inputs.length === 0) return null;
  return (
    <section>
      <h3>Inputs that differ</h3>
      <ul class="inputs">
        {task.miss.inputs.map((input, index) => (
          <li key={index}>
            <code>{visible(input)}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Body({ row }: { readonly row: Row }) {
  const { task, runIndex } = row;
  const isLive = addresses.value !== null && task.status === 'running';
  const needs = task.dependencies
    .map((index) => rowAt(runIndex, index))
    .filter((found) => found !== undefined);
  return (
    <>
      <Facts row={row} />
      {task.reason !== null && (
        <p class="reason">
          <code>{task.reason.code}</code> <bdi>{visible(task.reason.message)}</bdi>
        </p>
      )}
      {isLive && <LiveOutput key={row.key} row={row} />}
      {task.status === 'failure' && (
        <section>
          <h3>End of its output</h3>
          <Output text={task.output ?? ''} label={`Output of ${task.id}`} />
        </section>
      )}
      <Attempts row={row} />
      <Miss row={row} />
      <Links title="Depends on" rows={needs} />
      <Links title="Needed by" rows={dependents(row)} />
    </>
  );
}

/** Everything about one task, beside the page. */
export function Detail() {
  const row = selected.value;
  const close = useRef<HTMLButtonElement>(null);
  const key = row?.key;
  useEffect(() => {
    if (key !== undefined) close.current?.focus();
  }, [key]);
  if (row === null) return null;
  return (
    <aside class="detail" aria-labelledby="detail-title">
      <header>
        <div>
          <h2 id="detail-title">
            <bdi>{visible(row.task.id)}</bdi>
          </h2>
          <p>
            <Status look={lookOf(row.task)} />
            {row.critical && <span class="tag critical">critical path</span>}
          </p>
        </div>
        <button ref={close} type="button" class="close" aria-label="Close" onClick={unselect}>
          <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d="M4 4l8 8M12 4l-8 8" />
          </svg>
        </button>
      </header>
      <div class="body">
        <Body row={row} />
      </div>
    </aside>
  );
}
