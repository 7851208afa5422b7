import { type Assignment } from '@org/dte-protocol';
import * as fc from 'fast-check';
import { keyOf } from '../executor/ipc';
import { assignment } from '@org/dte-testing';
import { type Attempt, type AttemptState, pickStartable, reconcile } from './reconcile';

const returned = { kind: 'returned', reason: { code: 'DTE_AGENT_LEFT', message: 'left' } } as const;
const states: Record<string, AttemptState> = {
  waiting: { name: 'waiting' },
  running: { name: 'running', executorId: 1, startMs: null },
  stopping: { name: 'stopping', executorId: 1, result: null },
  completed: { name: 'completed', result: returned },
};
const table = (...entries: [Assignment, keyof typeof states][]): Map<string, Attempt> =>
  new Map(entries.map(([a, state]) => [keyOf(a), { assignment: a, state: states[state]! }]));
const [a, b, c] = [assignment('a:build'), assignment('b:build'), assignment('c:build')];
const alone = assignment('alone:e2e', { parallelism: false });

describe('reconcile', () => {
  it('starts what is wanted and does not run', () => {
    expect(reconcile(table([a, 'running']), [a, b], false)).toEqual([{ type: 'start', assignment: b }]);
  });

  it('stops running attempts and forgets waiting or finished ones when they are no longer wanted', () => {
    expect(reconcile(table([a, 'running'], [b, 'waiting'], [c, 'completed']), [], false)).toEqual([
      { type: 'stop', key: keyOf(a) },
      { type: 'forget', key: keyOf(b) },
      { type: 'forget', key: keyOf(c) },
    ]);
  });

  it('treats another attempt of the same task as different', () => {
    const again = assignment('a:build', { attempt: 2 });
    expect(reconcile(table([a, 'running']), [again], false)).toEqual([
      { type: 'stop', key: keyOf(a) },
      { type: 'start', assignment: again },
    ]);
  });

  it('returns new attempts while it drains and keeps the others', () => {
    expect(reconcile(table([a, 'running']), [a, b], true)).toEqual([{ type: 'refuse', assignment: b }]);
  });

  it('has no more actions when all of them were performed, for any two states', () => {
    const ids = fc.uniqueArray(fc.constantFrom('a:x', 'b:x', 'c:x', 'd:x', 'e:x'));
    const name = fc.constantFrom(...Object.keys(states));
    fc.assert(
      fc.property(
        ids,
        fc.array(name, { minLength: 5, maxLength: 5 }),
        ids,
        fc.boolean(),
        (have, names, want, draining) => {
          const current = table(...have.map((id, i) => [assignment(id), names[i]!] as [Assignment, string]));
          const wanted = want.map((id) => assignment(id));
          for (const action of reconcile(current, wanted, draining)) {
            if (action.type === 'start')
              current.set(keyOf(action.assignment), { ...action, state: states['waiting']! });
            else if (action.type === 'refuse')
              current.set(keyOf(action.assignment), { ...action, state: states['completed']! });
            else if (action.type === 'forget') current.delete(action.key);
            else current.set(action.key, { ...current.get(action.key)!, state: states['stopping']! });
          }
          expect(reconcile(current, wanted, draining)).toEqual([]);
        },
      ),
    );
  });
});

describe('pickStartable', () => {
  it('fills idle executors in the order of wanted attempts', () => {
    expect(pickStartable(table([a, 'running'], [b, 'waiting'], [c, 'waiting']), 1)).toEqual([keyOf(b)]);
  });

  it('lets a task that must run alone wait for the others, and starts nothing before it', () => {
    expect(pickStartable(table([a, 'stopping'], [alone, 'waiting'], [b, 'waiting']), 2)).toEqual([]);
    expect(pickStartable(table([alone, 'waiting'], [b, 'waiting']), 2)).toEqual([keyOf(alone)]);
    expect(pickStartable(table([b, 'waiting'], [alone, 'waiting']), 2)).toEqual([keyOf(b)]);
  });

  it('does not prepare a task of another run while one is busy, which may read or make what that restores', () => {
    const other = assignment('d:build', { runId: 'run-2' });
    const isAhead = (key: string) => key === keyOf(other);
    expect(pickStartable(table([a, 'running'], [other, 'waiting']), 1, isAhead)).toEqual([]);
    expect(pickStartable(table([a, 'waiting'], [other, 'waiting']), 2, isAhead)).toEqual([keyOf(a)]);
    expect(pickStartable(table([a, 'completed'], [other, 'waiting']), 1, isAhead)).toEqual([keyOf(other)]);
    expect(pickStartable(table([a, 'running'], [b, 'waiting']), 1, (key) => key === keyOf(b))).toEqual([
      keyOf(b),
    ]);
    expect(pickStartable(table([a, 'running'], [other, 'waiting']), 1)).toEqual([keyOf(other)]);
  });

  it('starts nothing in addition to a task that must run alone', () => {
    expect(pickStartable(table([alone, 'running'], [b, 'waiting']), 3)).toEqual([]);
  });
});
