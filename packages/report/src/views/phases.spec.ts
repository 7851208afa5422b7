import fc from 'fast-check';
import { foldEvents } from '../model/fold';
import type { AttemptModel } from '../model/model';
import { agent, measuredOf, planned, Story, T0 } from '../test-support/events';
import { phasesOf, spanOf } from './phases';

const attemptOf = (story: Story): AttemptModel => {
  const found = foldEvents(story.events).runs[0]?.tasks[0]?.attempts[0];
  if (found === undefined) throw new Error('no attempt');
  return found;
};
const inSeconds = (attempt: AttemptModel): unknown[] =>
  phasesOf(attempt, T0 + 60_000).map(({ name, startMs, endMs }) => [
    name,
    (startMs - T0) / 1000,
    (endMs - T0) / 1000,
  ]);
const begun = (): Story => new Story().agents(0, agent('one')).run(0, [planned('a:build')]);

describe('the phases of an attempt', () => {
  it('are those that its agent measured, between assignment and acceptance', () => {
    const measured = measuredOf({ queued: 1, restore: 2, wait: 1, run: 5, store: 3 });
    const attempt = attemptOf(
      begun().attempt('a:build', 'one', [6, 11], { measured, assigned: 1, accepted: 15 }),
    );
    expect(attempt.reportMs).toBe(1000);
    expect(inSeconds(attempt)).toEqual([
      ['queue', 1, 3],
      ['restore', 3, 5],
      ['wait', 5, 6],
      ['run', 6, 11],
      ['store', 11, 14],
      ['report', 14, 15],
    ]);
  });

  it('of an agent whose clock is wrong are placed where the coordinator saw them', () => {
    const measured = measuredOf({ restore: 2, run: 5, store: 3 });
    const story = begun().attempt('a:build', 'one', [3606, 3611], { measured, assigned: 1, accepted: 15 });
    expect(inSeconds(attemptOf(story))).toEqual([
      ['queue', 1, 5],
      ['restore', 5, 7],
      ['run', 7, 12],
      ['store', 12, 15],
    ]);
  });

  it('begin to run when Nx begins, which may be before the time that Nx tells', () => {
    const measured = measuredOf({ restore: 2, run: 5 });
    const story = begun().attempt('a:build', 'one', [7, 11], { measured, assigned: 4, accepted: 11 });
    expect(inSeconds(attemptOf(story))).toEqual([
      ['restore', 4, 6],
      ['run', 6, 11],
    ]);
  });

  it('of a task in a batch are only its own: the batch is not assigned and reported for it alone', () => {
    const measured = { ...measuredOf({ run: 2, store: 1 }), batched: true as const };
    const attempt = attemptOf(
      begun().attempt('a:build', 'one', [6, 8], { measured, assigned: 1, accepted: 15 }),
    );
    expect(inSeconds(attempt)).toEqual([
      ['run', 6, 8],
      ['store', 8, 9],
    ]);
    expect(attempt).toMatchObject({ acceptedMs: T0 + 15_000, reportMs: null });
  });

  it('without measurements are queueing, running and reporting', () => {
    const story = begun().attempt('a:build', 'one', [6, 11], { assigned: 1, accepted: 12 });
    expect(inSeconds(attemptOf(story))).toEqual([
      ['queue', 1, 6],
      ['run', 6, 11],
      ['report', 11, 12],
    ]);
  });

  it('are one for an attempt that still runs', () => {
    expect(inSeconds(attemptOf(begun().begin('a:build', 'one', 5, { assigned: 2 })))).toEqual([
      ['run', 2, 60],
    ]);
  });

  it('fill the span of the attempt without gap or overlap, whatever the agent says', () => {
    const second = fc.double({ min: 0, max: 100, noNaN: true });
    const times = fc.record({
      assigned: second,
      took: second,
      from: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      ran: second,
      measured: fc.record({ queued: second, restore: second, wait: second, run: second, store: second }),
    });
    fc.assert(
      fc.property(times, ({ assigned, took, from, ran, measured }) => {
        const how = { measured: measuredOf(measured), assigned, accepted: assigned + took };
        const attempt = attemptOf(begun().attempt('a:build', 'one', [from, from + ran], how));
        const span = spanOf(attempt, T0);
        const phases = phasesOf(attempt, T0);
        expect(span.startMs).toBeGreaterThanOrEqual(T0 + assigned * 1000 - 1e-3);
        expect(span.endMs).toBeLessThanOrEqual(T0 + how.accepted * 1000 + 1e-3);
        expect(attempt.reportMs).toBeGreaterThanOrEqual(0);
        let at = span.startMs;
        for (const { startMs, endMs } of phases) {
          expect(startMs).toBe(at);
          expect(endMs).toBeGreaterThan(startMs);
          at = endMs;
        }
        expect(at).toBe(span.endMs);
      }),
    );
  });
});
