import type { ComponentChildren } from 'preact';
import { Icon, type Look } from './parts/status';
import { connection, model, outcome, totals, utilisation, type Connection } from './state';
import { brief, count, counted, percent, visible, webLink } from './text';

const LOOKS: Readonly<Record<string, Look>> = {
  ok: 'ok',
  failed: 'failed',
  running: 'running',
  stopped: 'stopped',
  empty: 'waiting',
};

const CONNECTIONS: Readonly<Record<Exclude<Connection, 'none'>, string>> = {
  connecting: 'Connecting …',
  connected: 'Live',
  lost: 'Connection lost, trying again …',
  over: 'The session has ended',
};

interface FactProps {
  readonly name: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly kind?: string;
}

const Fact = ({ name, value, note, kind = '' }: FactProps) => (
  <div class={`fact ${kind}`}>
    <dt>{name}</dt>
    <dd>
      <span class="value">{value}</span>
      {note !== undefined && <span class="note">{note}</span>}
    </dd>
  </div>
);

function Commands() {
  const { runs } = model.value.model;
  return (
    <div class="commands">
      {runs.map(({ runId, command, ok }) => (
        <code key={runId} class="command">
          {runs.length > 1 && ok !== null && <Icon look={ok ? 'ok' : 'failed'} size={14} />}
          <bdi>{visible(command)}</bdi>
        </code>
      ))}
    </div>
  );
}

function Pipeline() {
  const { pipeline, sessionId } = model.value.model;
  const url = webLink(pipeline?.url ?? null);
  const parts = [pipeline?.ref, pipeline?.commit?.slice(0, 8)].filter((part) => part != null);
  const text = parts.length > 0 ? parts.join(' @ ') : sessionId;
  if (text === '') return null;
  return (
    <p class="pipeline">{url === null ? <bdi>{visible(text)}</bdi> : <a href={url}>{visible(text)}</a>}</p>
  );
}

function Live() {
  if (connection.value === 'none') return null;
  return (
    <p class={`live ${connection.value}`} role="status">
      <span class="dot" aria-hidden="true" />
      {CONNECTIONS[connection.value]}
    </p>
  );
}

/** What became of those that did not simply succeed. */
function taskNote(): string {
  const { running, waiting, failure, skipped, stopped } = totals.value.byStatus;
  if (running + waiting > 0) return `${count(running)} running, ${count(waiting)} waiting`;
  const parts = [
    ...(failure > 0 ? [`${count(failure)} failed`] : []),
    ...(skipped + stopped > 0 ? [`${count(skipped + stopped)} did not run`] : []),
  ];
  return parts.length === 0 ? 'none failed' : parts.join(', ');
}

/** The numbers that one asks for first. */
export function Facts() {
  const { elapsedMs, workMs, fromCache, tasks, flaky, lost } = totals.value;
  const { agents } = model.value.model;
  const used = utilisation.value;
  const busy = used.reduce((sum, { busyMs }) => sum + busyMs, 0);
  const available = used.reduce((sum, { availableMs }) => sum + availableMs, 0);
  const faster = elapsedMs > 0 ? workMs / elapsedMs : 0;
  return (
    <dl class="facts">
      <Fact name="Duration" value={brief(elapsedMs)} note={`${brief(workMs)} of work`} />
      <Fact
        name="Speed-up"
        value={workMs === 0 ? '–' : `${faster.toFixed(1)} ×`}
        note={workMs === 0 ? 'nothing had to run' : 'than one task after the other'}
      />
      <Fact name="Tasks" value={count(tasks)} note={taskNote()} />
      <Fact
        name="From cache"
        value={percent(fromCache, tasks)}
        note={`${count(fromCache)} of ${counted(tasks, 'task')}`}
      />
      <Fact
        name="Agents"
        value={count(agents.length)}
        note={agents.length === 0 ? 'all in the main job' : `busy ${percent(busy, available)} of their time`}
      />
      <Fact
        name="Flaky"
        value={count(flaky)}
        note={lost > 0 ? `${counted(lost, 'attempt')} lost` : 'no attempt lost'}
        kind={flaky > 0 || lost > 0 ? 'warn' : ''}
      />
    </dl>
  );
}

export function Headline() {
  const { kind, sentence } = outcome.value;
  return (
    <header class={`head ${kind}`}>
      <Icon look={LOOKS[kind] ?? 'waiting'} size={36} />
      <div class="what">
        <h1>{sentence}</h1>
        <Commands />
      </div>
      <div class="where">
        <Live />
        <Pipeline />
      </div>
    </header>
  );
}
