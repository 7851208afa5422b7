import type { ComponentChildren } from 'preact';
import type { Outcome } from '../src/views/outcome';
import { Icon, type Look } from './parts/status';
import {
  accuracies,
  commands,
  connection,
  model,
  nowMs,
  outcome,
  totals,
  utilisation,
  type Connection,
} from './core/state';
import { brief, count, counted, percent, visible, webLink } from './core/text';

const LOOKS: Readonly<Record<Outcome['kind'], Look>> = {
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

/** More of them are scrolled: the facts are to be seen without scrolling the page. */
const LISTED_COMMANDS = 6;

function Commands() {
  const all = commands.value;
  if (all.length <= 1)
    return (
      <p class="commands">
        {all.map(({ run }) => (
          <code key={run.runId} class="command">
            <bdi>{visible(run.command)}</bdi>
          </code>
        ))}
      </p>
    );
  const scrolls = all.length > LISTED_COMMANDS;
  return (
    <ol class="commands several" tabIndex={scrolls ? 0 : undefined} aria-label="Commands">
      {all.map(({ kind, sentence, durationMs, run }, index) => (
        <li key={run.runId}>
          <span class="note">#{index + 1}</span>
          <Icon look={LOOKS[kind]} size={14} />
          <code class="command">
            <bdi>{visible(run.command)}</bdi>
          </code>
          <span class="note">
            {sentence} ·{' '}
            {brief(run.endMs === null && nowMs.value !== null ? nowMs.value - run.startMs : durationMs)}
          </span>
        </li>
      ))}
    </ol>
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

/** Until now, on a live page: minutes may pass without an event. */
function elapsedUntilNow(): number {
  const { elapsedMs } = totals.value;
  const { runs } = model.value.model;
  if (nowMs.value === null || runs.length === 0) return elapsedMs;
  return Math.max(elapsedMs, nowMs.value - Math.min(...runs.map(({ startMs }) => startMs)));
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

/** How long it should have taken, and how well that was known. Nothing in a first pipeline, and while it runs. */
function ExpectedFact() {
  const known = accuracies.value.flatMap(({ wall, ...rest }) => (wall === null ? [] : [{ ...rest, wall }]));
  if (known.length === 0) return null;
  const tasks = total(known.map((each) => each.tasks));
  const good = total(known.map((each) => each.goodShare * each.tasks));
  return (
    <Fact
      name="Expected"
      value={brief(total(known.map(({ wall }) => wall.expectedMs)))}
      note={`${percent(good, tasks)} good estimates`}
    />
  );
}

/** The numbers that one asks for first. */
export function Facts() {
  const { workMs, fromCache, tasks, flaky, lost, byStatus } = totals.value;
  const elapsedMs = elapsedUntilNow();
  const isOpen = byStatus.waiting + byStatus.running > 0;
  const { agents } = model.value.model;
  const used = utilisation.value;
  const busy = used.reduce((sum, { busyMs }) => sum + busyMs, 0);
  const available = used.reduce((sum, { availableMs }) => sum + availableMs, 0);
  const faster = elapsedMs > 0 ? workMs / elapsedMs : 0;
  return (
    <dl class="facts">
      <Fact name="Duration" value={brief(elapsedMs)} note={`${brief(workMs)} of work`} />
      <ExpectedFact />
      <Fact
        name="Speed-up"
        value={workMs === 0 ? '–' : `${faster.toFixed(1)} ×`}
        note={workMs > 0 ? 'against a single slot' : isOpen ? 'nothing has run yet' : 'nothing ran'}
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
        note={
          agents.length === 0
            ? isOpen
              ? 'none yet'
              : workMs > 0
                ? 'all in the main job'
                : 'none was there'
            : available === 0
              ? 'had nothing to do'
              : `busy ${percent(busy, available)} of the time`
        }
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
      <Icon look={LOOKS[kind]} size={36} />
      <div class="what">
        <h1>
          {sentence}
          {kind === 'running' && connection.value === 'none' && ' when this report was written'}
        </h1>
        <Commands />
      </div>
      <div class="where">
        <Live />
        <Pipeline />
      </div>
    </header>
  );
}
