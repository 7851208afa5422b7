import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from '../parts/status';
import { placeOf } from '../core/state';
import { brief, visible } from '../core/text';
import { outcomeText, PHASES } from './describe';
import type { Bar } from './layout';

/** Distance from the pointer, in px. */
const AWAY_PX = 14;

interface Props {
  readonly bar: Bar;
  readonly x: number;
  readonly y: number;
}

/** Says what the bar at the pointer is. */
export function Tooltip({ bar, x, y }: Props) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = element;
    if (current === null) return;
    const { offsetWidth, offsetHeight } = current;
    const left = Math.min(x + AWAY_PX, window.innerWidth - offsetWidth - AWAY_PX);
    const below = y + AWAY_PX + offsetHeight < window.innerHeight;
    current.style.left = `${Math.max(4, left)}px`;
    current.style.top = `${below ? y + AWAY_PX : y - AWAY_PX - offsetHeight}px`;
  });
  const { row, attempt, startMs, endMs, phases } = bar;
  return (
    <div class="tooltip" ref={element} aria-hidden="true">
      <p class="title">
        <Icon look={bar.look} />
        <bdi>{visible(row.task.id)}</bdi>
      </p>
      <p class="note">
        {outcomeText(bar)} in {brief(endMs - startMs)} on <bdi>{visible(placeOf(attempt))}</bdi>
        {row.task.attempts.length > 1 && `, attempt ${attempt.number} of ${row.task.attempts.length}`}
      </p>
      {phases.length > 1 && (
        <dl>
          {phases.map(({ name, startMs: from, endMs: to }) => (
            <div key={name}>
              <dt>
                <span class={`swatch ${name} ${bar.look}`} />
                {PHASES[name]}
              </dt>
              <dd>{brief(to - from)}</dd>
            </div>
          ))}
        </dl>
      )}
      {row.critical && <p class="note">The command waited for it: it is on the critical path.</p>}
    </div>
  );
}
