import { type AgentWanted, type Assignment } from '@org/dte-protocol';
import { assignment } from '@org/dte-testing';
import { keyOf } from '../executor/ipc';
import { type Attempt } from './reconcile';
import { Turns } from './turns';

const [a, b, c] = [assignment('a:build'), assignment('b:build'), assignment('c:build')];
const alone = assignment('x:e2e', { parallelism: false });

const wanted = (
  assignments: Assignment[],
  ahead: Assignment[] = [],
  recalled: Assignment[] = [],
): AgentWanted => ({
  type: 'agent.wanted',
  seq: 0,
  assignments: [...assignments, ...ahead, ...recalled],
  ahead: [
    ...ahead.map(({ runId, taskId, attempt }) => ({ runId, taskId, attempt })),
    ...recalled.map(({ runId, taskId, attempt }) => ({ runId, taskId, attempt, recalled: true as const })),
  ],
  slots: null,
  stop: null,
});

let gone: string[];
let turns: Turns;
beforeEach(() => {
  gone = [];
  const attempts = new Map<string, Attempt>(
    [a, b, c, alone].map((each) => [keyOf(each), { assignment: each, state: { name: 'waiting' } }]),
  );
  turns = new Turns(attempts, (key) => gone.push(key));
});

it('lets the next attempt run when the command of another has ended, before its result is stored', () => {
  turns.wanted(wanted([a], [b]), 1);
  expect(turns.take(keyOf(a))).toBe(true);
  expect(turns.take(keyOf(b))).toBe(false);
  turns.ask(keyOf(b));
  expect(gone).toEqual([]);
  turns.free(keyOf(a));
  expect(gone).toEqual([keyOf(b)]);
});

it('runs no more at a time than has slots, whichever of them it is', () => {
  turns.wanted(wanted([a], [b]), 3);
  turns.take(keyOf(a));
  turns.ask(keyOf(b));
  turns.free(keyOf(a));
  // The coordinator has given the slot of `a` to `c`, and does not know yet that `b` has taken it.
  turns.wanted(wanted([c], [], [b]), 3);
  turns.over(keyOf(a));
  expect(turns.take(keyOf(c))).toBe(false);
  turns.ask(keyOf(c));
  expect(gone).toEqual([keyOf(b)]);
  turns.over(keyOf(b));
  expect(gone).toEqual([keyOf(b), keyOf(c)]);
});

it('runs no more at a time than this agent has slots, also when it has got fewer of them', () => {
  turns.wanted(wanted([a, b]), 1);
  expect(turns.take(keyOf(a))).toBe(true);
  expect(turns.take(keyOf(b))).toBe(false);
});

it('does not start what is recalled, even if a slot becomes free with the same message', () => {
  turns.wanted(wanted([a], [b]), 1);
  turns.take(keyOf(a));
  turns.ask(keyOf(b));
  turns.wanted(wanted([a, c], [], [b]), 2);
  expect(turns.take(keyOf(b))).toBe(false);
  turns.free(keyOf(a));
  expect(gone).toEqual([]);
  expect(turns.hasBegun(keyOf(b))).toBe(false);
});

it('lets a task that must run alone wait until nothing else runs, and nothing run beside it', () => {
  turns.wanted(wanted([a, alone, b]), 3);
  turns.take(keyOf(a));
  expect(turns.take(keyOf(alone))).toBe(false);
  turns.ask(keyOf(alone));
  turns.ask(keyOf(b));
  expect(gone).toEqual([]);
  turns.over(keyOf(a));
  expect(gone).toEqual([keyOf(alone)]);
  turns.free(keyOf(alone));
  expect(gone).toEqual([keyOf(alone), keyOf(b)]);
});

it('keeps the slot of a command that is being stopped until it is over, and gives none to what waits no more', () => {
  turns.wanted(wanted([a], [b]), 1);
  turns.take(keyOf(a));
  turns.ask(keyOf(b));
  turns.withdraw(keyOf(b));
  turns.wanted(wanted([c]), 1);
  expect(turns.take(keyOf(c))).toBe(false);
  turns.ask(keyOf(c));
  turns.over(keyOf(a));
  expect(gone).toEqual([keyOf(c)]);
});
