import { DteError, type EndedEntry, type FinishedAttempt, type RunLogEntry } from '@org/dte-protocol';
import fc from 'fast-check';
import { graphOf } from '../test-support/tasks';
import { follow } from './follow';
import { newFollowState, type FollowEffect, type FollowEvent, type FollowState } from './state';

/** What happens to one task, and how effects are answered. */
interface Story {
  readonly end: EndedEntry['status'] | 'hit' | 'failed hit' | 'server failed' | 'unheard';
  readonly begins: boolean;
  readonly isGroup: boolean;
  readonly take: 'taken' | 'untaken';
  readonly judge: 'judged' | 'failed' | 'untaken';
  readonly tell: 'told' | 'untold';
}

const stories = fc.array(
  fc.record<Story>({
    end: fc.constantFrom(
      'success',
      'failure',
      'returned',
      'skipped',
      'cancelled',
      'hit',
      'failed hit',
      'server failed',
      'unheard',
    ),
    begins: fc.boolean(),
    isGroup: fc.boolean(),
    take: fc.constantFrom('taken', 'taken', 'untaken'),
    judge: fc.constantFrom('judged', 'failed', 'untaken'),
    tell: fc.constantFrom('told', 'told', 'untold'),
  }),
  { minLength: 1, maxLength: 8 },
);

const idOf = (index: number): string => `p${index}:build`;
const error = new DteError('DTE_ARTIFACT_MISSING', 'gone');
const agent = { agentId: 'a', name: 'agent-1', jobUrl: null };

function resultOf({ end, isGroup }: Story): FinishedAttempt | null {
  if (isGroup && end === 'success') return null;
  const failed = end !== 'success';
  const servers = [{ taskId: 'api:serve', failed: true, ended: 'Exit code 1.', output: '' }];
  return {
    kind: 'finished',
    status: failed ? 'failure' : 'success',
    code: failed ? 1 : 0,
    fromCache: null,
    hash: '1',
    artifact: end === 'server failed' ? { kind: 'none' } : { kind: 'attempt', attempt: 1 },
    startMs: 0,
    endMs: 1,
    reason: null,
    hashDetails: null,
    ...(end === 'server failed' ? { servers } : {}),
  };
}

/** The events of a task, in order. */
function heardOf(story: Story, index: number): FollowEvent[] {
  const taskId = idOf(index);
  const { end } = story;
  const hit = { taskId, artifact: { kind: 'none' }, local: true, failed: end === 'failed hit' } as const;
  if (end === 'hit' || end === 'failed hit') return [{ type: 'hit', hit }];
  const events: RunLogEntry[] = [];
  if (story.begins) events.push({ seq: 1, type: 'started', taskId, attempt: 1, agent, atMs: 0 });
  if (end !== 'unheard') {
    const status = end === 'server failed' ? 'failure' : end;
    const result = resultOf(story);
    events.push({ seq: 2, type: 'ended', taskId, status, attempt: 1, agent, result, reason: null });
  }
  return events.map((entry) => ({ type: 'entry', entry }));
}

/** The answer to an effect; null: none. */
function answerTo(effect: FollowEffect, all: readonly Story[]): FollowEvent | null {
  const storyOf = (taskId: string): Story => all[Number(/\d+/.exec(taskId)?.[0])]!;
  switch (effect.type) {
    case 'take': {
      const { taskId } = effect;
      const { take, end } = storyOf(taskId);
      if (take === 'untaken') return { type: 'untaken', taskId, error };
      const code = end === 'failed hit' ? 1 : 0;
      return {
        type: 'taken',
        taskId,
        taken: { terminalOutput: '', from: null, code, isLeft: false, note: '' },
      };
    }
    case 'judge': {
      const { taskId } = effect;
      const { judge } = storyOf(taskId);
      return judge === 'untaken'
        ? { type: 'untaken', taskId, error }
        : { type: 'judged', taskId, failed: judge === 'failed' };
    }
    case 'conclude': {
      const { taskId } = effect.conclusion;
      return storyOf(taskId).tell === 'told' ? { type: 'told', taskId } : { type: 'untold', taskId, error };
    }
    default:
      return null;
  }
}

interface Played {
  readonly state: FollowState;
  readonly effects: readonly FollowEffect[];
  readonly events: readonly FollowEvent[];
}

/**
 * Plays the log of every task and all answers in random order.
 * @param picks which of the possible events is next; after that, always the first
 * @param lostAfter after this many log events, the coordinator is lost
 */
function play(all: readonly Story[], picks: readonly number[], lostAfter: number, doubled: boolean): Played {
  const tasks = graphOf(Object.fromEntries(all.map((_, index) => [idOf(index), []]))).tasks;
  const groups = new Set(all.flatMap(({ isGroup }, index) => (isGroup ? [idOf(index)] : [])));
  const state = newFollowState({ tasks, groups, startMs: 0 });
  const logs = all.map(heardOf);
  const answers: FollowEvent[] = [];
  const effects: FollowEffect[] = [];
  const events: FollowEvent[] = [];
  const feed = (event: FollowEvent): void => {
    events.push(event);
    for (const effect of follow(state, event, events.length)) {
      effects.push(effect);
      const answer = answerTo(effect, all);
      if (answer !== null) answers.push(answer);
    }
  };
  let heard = 0;
  for (let at = 0; ; at++) {
    const open = heard < lostAfter ? logs.filter((log) => log.length > 0) : [];
    const choices = open.length + answers.length;
    if (choices === 0) return { state, effects, events };
    const pick = (picks[at] ?? 0) % choices;
    const log = open[pick];
    const event = log === undefined ? answers.splice(pick - open.length, 1)[0]! : log.shift()!;
    if (log !== undefined) heard += 1;
    feed(event);
    if (doubled) feed(event);
  }
}

const played = fc
  .record({
    all: stories,
    picks: fc.array(fc.nat(100), { maxLength: 60 }),
    lostAfter: fc.oneof(fc.constant(Infinity), fc.nat(20)),
    doubled: fc.boolean(),
  })
  .map(({ all, picks, lostAfter, doubled }) => ({ all, ...play(all, picks, lostAfter, doubled) }));

const concludedIn = (effects: readonly FollowEffect[], taskId: string): number =>
  effects.filter((effect) => effect.type === 'conclude' && effect.conclusion.taskId === taskId).length;

const wasHeard = (events: readonly FollowEvent[], taskId: string): boolean =>
  events.some(
    (event) =>
      (event.type === 'hit' && event.hit.taskId === taskId) ||
      (event.type === 'entry' && event.entry.type === 'ended' && event.entry.taskId === taskId),
  );

describe('follow, in any order of events and wherever the coordinator is lost', () => {
  it('concludes every task whose end it has received, and none twice', () => {
    fc.assert(
      fc.property(played, ({ all, state, effects, events }) => {
        for (const index of all.keys()) {
          const taskId = idOf(index);
          expect(concludedIn(effects, taskId)).toBeLessThanOrEqual(1);
          const phase = state.states.get(taskId)?.phase;
          if (wasHeard(events, taskId)) expect([phase, state.endings.has(taskId)]).toEqual(['over', true]);
          else expect(phase === undefined || phase === 'begun').toBe(true);
        }
      }),
    );
  });

  it('reports a task that has ended on an agent to Nx, unless the main job has to run it', () => {
    fc.assert(
      fc.property(played, ({ all, state, effects }) => {
        for (const [index, { end }] of all.entries()) {
          const ending = state.endings.get(idOf(index));
          if (ending === 'success' || ending === 'failure')
            expect([end, concludedIn(effects, idOf(index))]).toEqual([end, 1]);
        }
      }),
    );
  });

  it('treats no task as a success whose outputs were not restored, or that was not reported to Nx', () => {
    fc.assert(
      fc.property(played, ({ all, state, events }) => {
        for (const [index, { end }] of all.entries()) {
          const taskId = idOf(index);
          const isSuccess = state.endings.get(taskId) === 'success';
          const status = state.statuses[taskId];
          if (!isSuccess) {
            expect(['failure', 'skipped', undefined]).toContain(status);
            continue;
          }
          expect(['success', 'hit']).toContain(end);
          const at = (type: FollowEvent['type']): number =>
            events.findIndex((event) => event.type === type && 'taskId' in event && event.taskId === taskId);
          expect(at('taken')).toBeGreaterThanOrEqual(0);
          expect(at('told')).toBeGreaterThan(at('taken'));
        }
      }),
    );
  });

  it('never loses a failure', () => {
    fc.assert(
      fc.property(played, ({ all, state, events }) => {
        for (const [index, { end, judge, take }] of all.entries()) {
          const taskId = idOf(index);
          if (!wasHeard(events, taskId)) continue;
          const isFailure =
            end === 'failure' ||
            end === 'server failed' ||
            (end === 'failed hit' && take === 'taken') ||
            (end === 'returned' && judge === 'failed');
          expect([taskId, state.endings.get(taskId) === 'failure']).toEqual([taskId, isFailure]);
        }
      }),
    );
  });

  it('reports the start of a task before its end, and releases its servers after it', () => {
    fc.assert(
      fc.property(played, ({ all, effects }) => {
        for (const index of all.keys()) {
          const taskId = idOf(index);
          const steps = effects.flatMap((effect) => {
            if (effect.type === 'conclude') return effect.conclusion.taskId === taskId ? [effect.type] : [];
            if (effect.type !== 'begin' && effect.type !== 'release-servers') return [];
            return effect.taskId === taskId ? [effect.type] : [];
          });
          const order = ['begin', 'conclude', 'release-servers'];
          const places = steps.map((step) => order.indexOf(step));
          expect(places).toEqual([...places].sort());
        }
      }),
    );
  });
});

it('keeps a failure, whichever of two endings of a task arrives first', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.boolean(), (failsFirst, answersBetween) => {
      const { tasks } = graphOf({ 'p0:build': [] });
      const state = newFollowState({ tasks, groups: new Set(), startMs: 0 });
      const story = { begins: false, isGroup: false, take: 'taken', judge: 'judged', tell: 'told' } as const;
      const ends = [{ ...story, end: 'success' } as const, { ...story, end: 'failure' } as const];
      const [first, second] = (failsFirst ? ends.reverse() : ends).map((each) => heardOf(each, 0)[0]!);
      const answer = (effects: readonly FollowEffect[]): void => {
        for (const effect of effects) {
          const event = answerTo(effect, ends);
          if (event !== null) answer(follow(state, event, 1));
        }
      };
      const effects = follow(state, first!, 1);
      if (answersBetween) answer(effects);
      const more = follow(state, second!, 1);
      if (!answersBetween) answer(effects);
      answer(more);
      expect([state.endings.get('p0:build'), state.statuses['p0:build']]).toEqual(['failure', 'failure']);
    }),
  );
});
