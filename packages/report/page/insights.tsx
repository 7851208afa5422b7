import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { comparedOf, factorOf } from '../src/views/accuracy';
import { mainWaitsOf, type WaitKind } from '../src/views/main-waits';
import { whatIfOf } from '../src/views/what-if';
import { accuracies, lanes, model, rows, totals, utilisation } from './core/state';
import { against, brief, count, counted, percent, webLink } from './core/text';
import { Name } from './parts/name';
import { TaskLink } from './parts/task-link';
import { Reasons } from './reasons';

/** Rows of a list: the rest is in the table. */
const LISTED = 8;

interface CardProps {
  readonly title: string;
  readonly note?: string;
  readonly children: ComponentChildren;
}

const Card = ({ title, note, children }: CardProps) => (
  <section class="panel card">
    <h2>{title}</h2>
    {note !== undefined && <p class="quiet">{note}</p>}
    {children}
  </section>
);

interface MeterProps {
  readonly label: ComponentChildren;
  readonly value: string;
  readonly share: number;
  readonly kind?: string;
}

/** A line of a list with a bar below it. */
const Meter = ({ label, value, share, kind = '' }: MeterProps) => (
  <li class="meter">
    <span class="label">{label}</span>
    <span class="number">{value}</span>
    <span class={`track ${kind}`} aria-hidden="true">
      {share > 0 && <span style={{ width: `${Math.min(1, share) * 100}%` }} />}
    </span>
  </li>
);

function CriticalPath() {
  const path = rows.value.filter(({ critical, durationMs }) => critical && durationMs !== null);
  if (path.length === 0) return null;
  const total = path.reduce((sum, { durationMs }) => sum + (durationMs ?? 0), 0);
  const shown = path.toSorted((a, b) => (b.durationMs ?? 0) - (a.durationMs ?? 0)).slice(0, LISTED);
  return (
    <Card
      title="Critical path"
      note={`${counted(path.length, 'task')}, ${brief(total)} of ${brief(totals.value.elapsedMs)}. Only if one of these gets shorter, all gets shorter.`}
    >
      <ul class="meters">
        {shown.map((row) => (
          <Meter
            key={row.key}
            label={<TaskLink row={row} />}
            value={brief(row.durationMs ?? 0)}
            share={(row.durationMs ?? 0) / (shown[0]?.durationMs ?? 1)}
            kind="critical"
          />
        ))}
      </ul>
    </Card>
  );
}

function Agents() {
  const { agents } = model.value.model;
  const used = utilisation.value;
  if (used.length === 0) return null;
  const busy = used.reduce((sum, { busyMs }) => sum + busyMs, 0);
  const available = used.reduce((sum, { availableMs }) => sum + availableMs, 0);
  return (
    <Card
      title="Agents"
      note={
        available === 0
          ? 'Nothing to do so far.'
          : `${counted(used.length, 'agent')}, busy ${percent(busy, available)} of ${used.length === 1 ? 'its' : 'their'} time.`
      }
    >
      <ul class="meters scrolls" tabIndex={used.length > LISTED ? 0 : undefined} aria-label="Agents">
        {used.map(({ agent, attempts, busyMs, availableMs }) => {
          const { name, jobUrl } = agents[agent] ?? { name: '', jobUrl: null };
          const url = webLink(jobUrl);
          return (
            <Meter
              key={agent}
              label={
                url === null ? (
                  <Name text={name} />
                ) : (
                  <a href={url}>
                    <Name text={name} />
                  </a>
                )
              }
              value={
                availableMs === 0
                  ? counted(attempts, 'attempt')
                  : `${counted(attempts, 'attempt')} · ${percent(busyMs, availableMs)}`
              }
              share={availableMs === 0 ? 0 : busyMs / availableMs}
            />
          );
        })}
      </ul>
    </Card>
  );
}

function Cache() {
  const { tasks, fromCache } = totals.value;
  if (tasks === 0) return null;
  const local = rows.value.filter(({ task }) => task.from === 'local').length;
  return (
    <Card title="Cache" note={`${count(fromCache)} of ${counted(tasks, 'task')} did not have to run.`}>
      <ul class="meters">
        <Meter label="Hits on the machine itself" value={count(local)} share={local / tasks} kind="cached" />
        <Meter
          label="Hits in the shared cache"
          value={count(fromCache - local)}
          share={(fromCache - local) / tasks}
          kind="cached"
        />
      </ul>
    </Card>
  );
}

const KINDS: Readonly<Record<WaitKind, string>> = {
  agents: 'no agent was there yet',
  slot: 'no slot was free',
  queue: 'on the way to an agent',
  restore: 'an agent restored what a task depends on',
  wait: 'a task waited for others on its agent',
  run: 'a task ran',
  store: 'an agent stored outputs',
  report: 'results were on their way',
  lost: 'an attempt that was lost',
  main: 'the main job ran a task itself',
  outputs: 'the main job restored outputs',
  rest: 'everything was there, and the command ended',
};

function Waits() {
  const { agents, runs } = model.value.model;
  const kinds = new Map<WaitKind, number>();
  for (const run of runs)
    for (const { kind, ms } of mainWaitsOf({ agents }, run).kinds)
      kinds.set(kind, (kinds.get(kind) ?? 0) + ms);
  const sorted = [...kinds].toSorted((a, b) => b[1] - a[1]);
  const total = sorted.reduce((sum, [, ms]) => sum + ms, 0);
  if (total === 0) return null;
  return (
    <Card title="What the main job waited for" note={`${brief(total)}, seen from its end.`}>
      <ul class="meters">
        {sorted.slice(0, LISTED).map(([kind, ms]) => (
          <Meter
            key={kind}
            label={KINDS[kind]}
            value={brief(ms)}
            share={ms / total}
            kind={kind === 'run' ? '' : 'idle'}
          />
        ))}
      </ul>
    </Card>
  );
}

/** Estimates that differ by less than this share are the same. */
const SAME_SHARE = 0.01;

const otherwise = (wallMs: number, sameMs: number): string =>
  Math.abs(wallMs - sameMs) < sameMs * SAME_SHARE
    ? 'the same'
    : `${brief(wallMs)} · ${against(wallMs, sameMs)}`;

function Estimate() {
  const estimate = whatIfOf(model.value.model, lanes.value);
  if (estimate === null) return null;
  const { actualMs, same, fewer, more } = estimate;
  const options = [fewer, same, more].filter((option) => option !== null);
  const most = Math.max(...options.map(({ wallMs }) => wallMs));
  return (
    <Card
      title="One agent more or less"
      note={`An estimate from how long each task took. With the agents there were it gives ${brief(same.wallMs)}; it took ${brief(actualMs)}.`}
    >
      <ul class="meters">
        {options.map(({ agents, wallMs }) => (
          <Meter
            key={agents}
            label={
              agents === same.agents ? <strong>{counted(agents, 'agent')}</strong> : counted(agents, 'agent')
            }
            value={agents === same.agents ? brief(wallMs) : otherwise(wallMs, same.wallMs)}
            share={wallMs / most}
            kind={agents === same.agents ? '' : 'idle'}
          />
        ))}
      </ul>
    </Card>
  );
}

function Flaky() {
  const flaky = rows.value.filter(({ task }) => task.flaky);
  if (flaky.length === 0) return null;
  return (
    <Card title="Flaky" note="These failed and then succeeded with the same inputs.">
      <ul class="plain">
        {flaky.slice(0, LISTED).map((row) => (
          <li key={row.key}>
            <TaskLink row={row} />
            <span class="note">{counted(row.task.attempts.length, 'attempt')}</span>
          </li>
        ))}
      </ul>
      {flaky.length > LISTED && <p class="quiet">and {counted(flaky.length - LISTED, 'more task')}</p>}
    </Card>
  );
}

/** Estimates that are listed because they were most wrong. */
const WORST = 5;

function Expected() {
  const known = accuracies.value;
  if (known.length === 0) return null;
  const worst = rows.value
    .flatMap((row) => comparedOf([row.task]).map((compared) => ({ row, ...compared })))
    .toSorted((a, b) => factorOf(b) - factorOf(a))
    .slice(0, WORST);
  const [first] = known;
  const sum = (of: (each: (typeof known)[number]) => number) =>
    known.reduce((total, each) => total + of(each), 0);
  const tasks = sum((each) => each.tasks);
  const good = percent(
    sum(({ goodShare, tasks: of }) => goodShare * of),
    tasks,
  );
  const median =
    known.length === 1 && first !== undefined
      ? ` Half of the estimates were wrong by at most ${first.medianErrorPercent} %.`
      : '';
  return (
    <Card
      title="Against earlier runs"
      note={`${counted(tasks, 'task')} with a past: ${brief(sum(({ actualMs }) => actualMs))} instead of ${brief(sum(({ expectedMs }) => expectedMs))}. ${good} of the estimates were wrong by a factor of at most 1.5.${median}`}
    >
      <ul class="plain">
        {worst.map(({ row, actualMs, expectedMs }) => (
          <li key={row.key}>
            <TaskLink row={row} />
            <span class="note">
              {brief(actualMs)} · {against(actualMs, expectedMs)}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const CARDS = [CriticalPath, Waits, Agents, Estimate, Cache, Expected, Flaky] as const;
const drawn = signal(0);

/**
 * What could be better the next time. One after the other, each after a frame: with ten thousand tasks, what is above can be
 * used before all of this is computed.
 */
export function Insights() {
  const { value } = drawn;
  useEffect(() => {
    if (value <= CARDS.length) drawn.value = value + 1;
    else document.documentElement.dataset['complete'] = 'true';
  }, [value]);
  return (
    <>
      {value > 0 && <Reasons />}
      <div class="cards">
        {CARDS.slice(0, Math.max(0, value - 1)).map((OneCard, index) => (
          <OneCard key={index} />
        ))}
      </div>
    </>
  );
}
