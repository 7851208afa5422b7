import { foldEvents } from '../model/fold';
import { at } from '../model/at';
import { agent, planned, Story } from '../test-support/events';
import { criticalPath } from './critical-path';
import { lanesOf } from './lanes';
import { failuresOf, totalsOf } from './totals';
import { utilisationOf } from './utilisation';

/** Two agents with two slots and one: a chain a, b, d beside c. */
function story(): Story {
  const tasks = [
    planned('a:build'),
    planned('b:build', ['a:build']),
    planned('c:build'),
    planned('d:build', ['b:build', 'c:build']),
  ];
  return new Story()
    .agents(0, agent('one'), agent('two', { slots: 1 }))
    .run(0, tasks)
    .attempt('a:build', 'one', [0, 4])
    .attempt('c:build', 'one', [1, 3])
    .attempt('b:build', 'one', [4, 8])
    .attempt('d:build', 'two', [8, 10], { status: 'failure', output: 'Error' })
    .over(10, false);
}

describe('the timeline', () => {
  it('puts attempts into the slots of their agents without overlap, and shows unused slots', () => {
    const model = foldEvents(story().events);
    const shown = lanesOf(model).map(({ agent: on, slot, bars }) => [
      on,
      slot,
      bars.map(({ task }) => at(at(model.runs, 0).tasks, task).id),
    ]);
    expect(shown).toEqual([
      [0, 0, ['a:build', 'b:build']],
      [0, 1, ['c:build']],
      [1, 0, ['d:build']],
    ]);
  });

  it('has a lane more where an agent ran more than its slots say, and lanes for the main job', () => {
    const model = foldEvents(
      story()
        .ended('d:build', 20, { here: true, startMs: 1_700_000_012_000, endMs: 1_700_000_020_000 })
        .attempt('c:build', 'two', [8, 9], {
          attempt: 2,
        }).events,
    );
    expect(lanesOf(model).map(({ agent: on, slot }) => [on, slot])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [null, 0],
    ]);
  });
});

describe('the critical path', () => {
  it('follows the dependency that ended last', () => {
    const [run] = foldEvents(story().events).runs;
    expect(run && criticalPath(run).map((index) => run.tasks[index]?.id)).toEqual([
      'a:build',
      'b:build',
      'd:build',
    ]);
  });

  it('is empty for a run in which nothing has ended', () => {
    const [run] = foldEvents(new Story().run(0, [planned('a:build')]).events).runs;
    expect(run && criticalPath(run)).toEqual([]);
  });
});

describe('utilisation', () => {
  it('of an agent that is gone ends there, though nobody knows yet what became of its task', () => {
    const gone = new Story()
      .agents(0, agent('one', { slots: 1 }))
      .run(0, [planned('a:build'), planned('b:build')])
      .begin('a:build', 'one', 0)
      .agents(4, agent('one', { slots: 1, connected: false }));
    gone.ended('b:build', 10, { here: true, startMs: 1_700_000_001_000, endMs: 1_700_000_010_000 });
    expect(utilisationOf(foldEvents(gone.events))).toMatchObject([{ busyMs: 4_000, availableMs: 4_000 }]);
  });

  it('compares the work of each agent with the time of its slots', () => {
    expect(utilisationOf(foldEvents(story().events))).toMatchObject([
      { agent: 0, attempts: 3, busyMs: 10_000, availableMs: 20_000 },
      { agent: 1, attempts: 1, busyMs: 2_000, availableMs: 10_000 },
    ]);
  });

  it('does not count the time before an agent came and after it left', () => {
    const late = new Story().run(0, [planned('a:build')]).agents(4, agent('one', { slots: 1 }));
    late
      .attempt('a:build', 'one', [5, 6])
      .agents(8, agent('one', { slots: 1, connected: false }))
      .over(10);
    expect(utilisationOf(foldEvents(late.events))).toMatchObject([
      { agent: 0, attempts: 1, busyMs: 1_000, availableMs: 4_000 },
    ]);
  });
});

describe('totals', () => {
  it('sums up a session', () => {
    expect(totalsOf(foldEvents(story().events))).toEqual({
      tasks: 4,
      byStatus: { success: 3, failure: 1, skipped: 0, stopped: 0, waiting: 0, running: 0 },
      fromCache: 0,
      flaky: 0,
      lost: 0,
      elapsedMs: 10_000,
      workMs: 12_000,
    });
  });

  it('are zero without a run', () => {
    expect(totalsOf(foldEvents([]))).toMatchObject({ tasks: 0, elapsedMs: 0, workMs: 0 });
  });

  it('list failures in the order in which they became known', () => {
    const failed = new Story().run(0, [planned('a:build'), planned('b:build')]);
    failed
      .attempt('b:build', 'one', [0, 1], { status: 'failure' })
      .attempt('a:build', 'one', [1, 2], { status: 'failure' });
    expect(failuresOf(foldEvents(failed.events)).map(({ task }) => task.id)).toEqual(['b:build', 'a:build']);
  });
});
