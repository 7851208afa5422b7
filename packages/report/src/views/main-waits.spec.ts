import fc from 'fast-check';
import { at } from '../model/at';
import { foldEvents } from '../model/fold';
import { agent, measuredOf, planned, Story, T0 } from '../test-support/events';
import { mainWaitsOf } from './main-waits';

function waitsOf(story: Story): unknown[] {
  const model = foldEvents(story.events);
  const run = at(model.runs, 0);
  return mainWaitsOf(model, run).waits.map(({ kind, task, startMs, endMs }) => [
    kind,
    task === null ? null : at(run.tasks, task).id,
    (startMs - T0) / 1000,
    (endMs - T0) / 1000,
  ]);
}

const chain = [planned('a:build'), planned('b:build', ['a:build']), planned('c:build')];

describe('what the main job waited for', () => {
  it('is the chain of the task that was complete last: agents, slots, phases, and its outputs', () => {
    const measured = measuredOf({ restore: 1, run: 4, store: 1 });
    const story = new Story()
      .run(0, chain)
      .agents(2, agent('one', { slots: 1 }))
      .attempt('a:build', 'one', [4, 8], { measured, assigned: 3, accepted: 9 })
      .attempt('c:build', 'one', [9, 10])
      .attempt('b:build', 'one', [11, 15], { measured, assigned: 10, accepted: 17, doneAfter: 2 })
      .over(20);
    expect(waitsOf(story)).toEqual([
      ['agents', 'a:build', 0, 2],
      ['slot', 'a:build', 2, 3],
      ['restore', 'a:build', 3, 4],
      ['run', 'a:build', 4, 8],
      ['store', 'a:build', 8, 9],
      ['slot', 'b:build', 9, 10],
      ['restore', 'b:build', 10, 11],
      ['run', 'b:build', 11, 15],
      ['store', 'b:build', 15, 16],
      ['report', 'b:build', 16, 17],
      ['outputs', 'b:build', 17, 19],
      ['rest', null, 19, 20],
    ]);
  });

  it('is summed up by kind, the longest first, with the tasks', () => {
    const story = new Story().agents(0, agent('one')).run(0, chain);
    story.attempt('a:build', 'one', [1, 3]).attempt('b:build', 'one', [3, 9]).over(9);
    const model = foldEvents(story.events);
    expect(mainWaitsOf(model, at(model.runs, 0)).kinds).toEqual([
      { kind: 'run', ms: 8000, tasks: [1, 0] },
      { kind: 'slot', ms: 1000, tasks: [0] },
    ]);
  });

  it('tells lost attempts and what the main job ran itself, for which it needs the outputs first', () => {
    const story = new Story().agents(0, agent('one'), agent('two')).run(0, chain);
    const lost = { code: 'DTE_LEASE_EXPIRED' as const, message: 'agent one is gone' };
    const ref = { agentId: 'one', name: 'one', jobUrl: null };
    story
      .begin('a:build', 'one', 1)
      .entry(3, { seq: 9, type: 'retried', taskId: 'a:build', attempt: 1, agent: ref, reason: lost })
      .attempt('a:build', 'two', [3, 5], { attempt: 2, doneAfter: 1 })
      .ended('b:build', 9, { here: true, startMs: T0 + 7000, endMs: T0 + 9000 })
      .over(9);
    expect(waitsOf(story)).toEqual([
      ['slot', 'a:build', 0, 1],
      ['lost', 'a:build', 1, 3],
      ['run', 'a:build', 3, 5],
      ['outputs', 'a:build', 5, 6],
      ['slot', 'b:build', 6, 7],
      ['main', 'b:build', 7, 9],
    ]);
  });

  it('is the rest of its batch for a task that others ran with', () => {
    const measured = { ...measuredOf({ run: 2 }), batched: true as const };
    const story = new Story().agents(0, agent('one')).run(0, chain);
    story.attempt('a:build', 'one', [3, 5], { measured, assigned: 1, accepted: 8 }).over(8);
    expect(waitsOf(story)).toEqual([
      ['slot', 'a:build', 0, 1],
      ['queue', 'a:build', 1, 3],
      ['run', 'a:build', 3, 5],
      ['report', 'a:build', 5, 8],
    ]);
  });

  it('is the end of the command alone where nothing ran', () => {
    expect(waitsOf(new Story().run(0, chain).over(2))).toEqual([['rest', null, 0, 2]]);
  });

  it('adds up to the time of the command, whatever the clocks of the others say', () => {
    const second = fc.integer({ min: -20, max: 60 });
    const attempt = fc.record({ from: second, took: fc.nat(30), assigned: second, doneAfter: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(attempt, { maxLength: 3 }), second, (attempts, joined) => {
        const story = new Story().agents(joined, agent('one')).run(0, chain);
        attempts.forEach(({ from, took, assigned, doneAfter }, nth) => {
          const how = { assigned, accepted: assigned + took, doneAfter };
          story.attempt(at(chain, nth).id, 'one', [from, from + took], how);
        });
        const model = foldEvents(story.over(40).events);
        const { waits, kinds } = mainWaitsOf(model, at(model.runs, 0));
        let atMs = T0;
        for (const { startMs, endMs } of waits) {
          expect(startMs).toBe(atMs);
          expect(endMs).toBeGreaterThan(startMs);
          atMs = endMs;
        }
        expect(atMs).toBe(T0 + 40_000);
        expect(kinds.reduce((sum, { ms }) => sum + ms, 0)).toBe(40_000);
      }),
    );
  });
});
