import type { AttemptModel } from '../../src/model/model';
import { phasesOf } from '../../src/views/phases';
import { model, nowMs, placeOf, type Row } from '../core/state';
import { brief, bytes, clock, counted, visible, webLink } from '../core/text';
import { PHASES } from '../timeline/describe';
import { Status, type Look } from '../parts/status';

const LOOKS: Readonly<Record<AttemptModel['outcome'], Look>> = {
  running: 'running',
  success: 'ok',
  failure: 'failed',
  lost: 'lost',
  stopped: 'stopped',
};

function Phases({ attempt }: { readonly attempt: AttemptModel }) {
  const phases = phasesOf(attempt, nowMs.value ?? attempt.assignedMs);
  if (phases.length === 0) return null;
  return (
    <>
      <div class="phases" aria-hidden="true">
        {phases.map(({ name, startMs, endMs }) => (
          <span
            key={name}
            class={`swatch ${name} ${LOOKS[attempt.outcome]}`}
            style={{ flexGrow: endMs - startMs }}
          />
        ))}
      </div>
      <dl class="pairs">
        {phases.map(({ name, startMs, endMs }) => (
          <div key={name}>
            <dt>
              <span class={`swatch ${name} ${LOOKS[attempt.outcome]}`} aria-hidden="true" />
              {PHASES[name]}
            </dt>
            <dd>{brief(endMs - startMs)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function measuredFacts({ measured }: AttemptModel): [string, string][] {
  if (measured === null) return [];
  const { cpuMs, peakMemoryBytes, restoredBytes, storedBytes } = measured;
  const facts: [string, string | null][] = [
    ['processor time', cpuMs === null ? null : brief(cpuMs)],
    ['memory at its peak', peakMemoryBytes === null ? null : bytes(peakMemoryBytes)],
    ['restored', restoredBytes === 0 ? null : bytes(restoredBytes)],
    ['stored', storedBytes === 0 ? null : bytes(storedBytes)],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

const nameOf = ({ number, second }: AttemptModel): string =>
  number === 0 ? 'in the main job' : `attempt ${number}${second === true ? ', a second start' : ''}`;

function Attempt({ attempt }: { readonly attempt: AttemptModel }) {
  const agent = attempt.agent === null ? undefined : model.value.model.agents[attempt.agent];
  const url = webLink(agent?.jobUrl ?? null);
  const place = visible(placeOf(attempt));
  return (
    <li class="attempt">
      <h4>
        <Status look={LOOKS[attempt.outcome]} />
        <span class="note">{nameOf(attempt)}</span>
      </h4>
      <p>
        {url === null ? <bdi>{place}</bdi> : <a href={url}>{place}</a>}
        <span class="note"> from {clock(attempt.startMs ?? attempt.assignedMs)}</span>
      </p>
      <Phases attempt={attempt} />
      <dl class="pairs">
        {measuredFacts(attempt).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {attempt.reason !== null && (
        <p class="reason">
          <code>{attempt.reason.code}</code> <bdi>{visible(attempt.reason.message)}</bdi>
        </p>
      )}
    </li>
  );
}

/** All attempts of a task, side by side. */
export function Attempts({ row: { task } }: { readonly row: Row }) {
  if (task.attempts.length === 0) return null;
  return (
    <section>
      <h3>{task.attempts.length === 1 ? 'Attempt' : counted(task.attempts.length, 'attempt')}</h3>
      <ol class="attempts">
        {task.attempts.map((attempt) => (
          <Attempt key={`${attempt.number}/${attempt.assignedMs}`} attempt={attempt} />
        ))}
      </ol>
    </section>
  );
}
