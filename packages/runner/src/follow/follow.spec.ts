import { DteError, type EndedEntry, type FinishedAttempt, type RunLogEntry } from '@org/dte-protocol';
import { graphOf } from '../test-support/tasks';
import { follow } from './follow';
import { newFollowState, type FollowEffect, type FollowEvent, type Taken } from './state';

const ID = 'p:build';
const GROUP = 'p:group';
const error = new DteError('DTE_ARTIFACT_MISSING', 'gone');
const agent = { agentId: 'a', name: 'agent-1', jobUrl: null };
const servers = [{ taskId: 'api:serve', failed: true, ended: 'Exit code 1.', output: '' }];

function setUp() {
  const { tasks } = graphOf({ [ID]: [], [GROUP]: [] });
  const state = newFollowState({ tasks, groups: new Set([GROUP]), startMs: 0 });
  /** Takes the events one after the other; returns the effects of all. */
  const take = (...events: FollowEvent[]): FollowEffect[] =>
    events.flatMap((event) => follow(state, event, 9_000));
  return { state, take, phase: (taskId = ID) => state.states.get(taskId)?.phase };
}

const finished = (fields: Partial<FinishedAttempt> = {}): FinishedAttempt => ({
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash: '1',
  artifact: { kind: 'attempt', attempt: 1 },
  startMs: 1,
  endMs: 2,
  reason: null,
  hashDetails: null,
  ...fields,
});
const endedEntry = (status: EndedEntry['status'], fields: Partial<EndedEntry> = {}): EndedEntry => ({
  seq: 2,
  type: 'ended',
  taskId: ID,
  status,
  attempt: 1,
  agent,
  result: null,
  reason: null,
  ...fields,
});
const entry = (fields: RunLogEntry): FollowEvent => ({ type: 'entry', entry: fields });
const started = (taskId = ID): FollowEvent =>
  entry({ seq: 1, type: 'started', taskId, attempt: 1, agent, atMs: 0 });
const ended = (status: EndedEntry['status'], fields: Partial<EndedEntry> = {}): FollowEvent =>
  entry(endedEntry(status, fields));
const success = { kind: 'success', entry: endedEntry('success'), finished: null } as const;
const hitOf = (taskId: string) =>
  ({ taskId, artifact: { kind: 'none' }, local: true, failed: false }) as const;
const hit = (taskId = ID): FollowEvent => ({ type: 'hit', hit: hitOf(taskId) });
const taken = (fields: Partial<Taken> = {}, taskId = ID): FollowEvent => ({
  type: 'taken',
  taskId,
  taken: { terminalOutput: '', from: null, code: 0, isLeft: false, note: '', ...fields },
});
const untaken: FollowEvent = { type: 'untaken', taskId: ID, error };
const told: FollowEvent = { type: 'told', taskId: ID };
const untold: FollowEvent = { type: 'untold', taskId: ID, error };
const judged = (failed: boolean): FollowEvent => ({ type: 'judged', taskId: ID, failed });
const release = { type: 'release-servers', taskId: ID };
const explain = { type: 'explain', error };
const typesOf = (effects: readonly FollowEffect[]): string[] => effects.map(({ type }) => type);

describe('a success', () => {
  it('begins, is taken over and told, and then counts', () => {
    const { state, take, phase } = setUp();
    expect(take(started())).toEqual([{ type: 'begin', taskId: ID }]);
    expect(phase()).toBe('begun');
    expect(take(ended('success'))).toEqual([{ type: 'take', taskId: ID, source: success }]);
    expect(take(taken())).toMatchObject([
      { type: 'conclude', conclusion: { taskId: ID, ending: 'success' } },
    ]);
    expect(state.endings.size).toBe(0);
    expect(take(told)).toEqual([release]);
    expect([phase(), state.endings.get(ID), state.statuses]).toEqual([
      'over',
      'success',
      { [ID]: 'success' },
    ]);
    expect([...state.byAgent]).toEqual([['agent-1', 1]]);
    expect(state.stopped.size).toBe(0);
  });

  it.each([
    ['restored', [untaken]],
    ['told to Nx', [taken(), untold]],
  ])('that cannot be %s comes back to this job, with the reason', (_, answers) => {
    const { state, take, phase } = setUp();
    take(ended('success'));
    expect(take(...answers).at(-1)).toEqual(explain);
    expect([phase(), state.endings.get(ID), state.statuses]).toEqual(['over', 'returned', {}]);
  });

  it('hands its source on: a result, or that it is a group without one', () => {
    const { take } = setUp();
    const result = finished();
    expect(take(ended('success', { result }))).toMatchObject([
      { type: 'take', source: { kind: 'success', finished: result } },
    ]);
    expect(take(ended('success', { taskId: GROUP }))).toEqual([
      { type: 'take', taskId: GROUP, source: { kind: 'group' } },
    ]);
    const group = setUp().take(ended('success', { taskId: GROUP, result }));
    expect(group).toMatchObject([{ source: { kind: 'success', finished: result } }]);
  });

  it('has no result if its attempt did not finish', () => {
    const reason = { code: 'DTE_AGENT_LEFT', message: 'left' } as const;
    const result = { kind: 'returned', reason } as EndedEntry['result'];
    expect(setUp().take(ended('success', { result }))).toMatchObject([{ source: { finished: null } }]);
  });
});

describe('a failure', () => {
  it('counts at once, and names its agent', () => {
    const { state, take } = setUp();
    const source = { kind: 'failure', entry: endedEntry('failure'), finished: null };
    expect(take(ended('failure'))).toEqual([{ type: 'take', taskId: ID, source }]);
    expect([state.endings.get(ID), state.statuses[ID]]).toEqual(['failure', 'failure']);
    expect([...state.failedOn]).toEqual([[ID, agent]]);
    expect(typesOf(take(taken(), told))).toEqual(['conclude', 'release-servers']);
    expect(state.endings.get(ID)).toBe('failure');
  });

  it('without an agent names none', () => {
    const { state, take } = setUp();
    take(ended('failure', { agent: null }), taken());
    expect([state.failedOn.size, state.byAgent.size]).toEqual([0, 0]);
  });

  it('whose output is lost is told with the reason instead', () => {
    const { state, take } = setUp();
    take(ended('failure'));
    expect(take(untaken)).toMatchObject([
      {
        type: 'conclude',
        conclusion: {
          ending: 'failure',
          code: 1,
          terminalOutput: `${error.explain()}\n`,
          note: '',
          keeps: 'output',
        },
      },
    ]);
    expect(state.endings.get(ID)).toBe('failure');
  });

  it('is not taken for one whose output was left', () => {
    const { take } = setUp();
    take(ended('failure', { result: finished({ code: 4 }) }));
    expect(take(untaken)).toMatchObject([{ conclusion: { code: 4, keeps: 'output' } }]);
  });

  it('that cannot be told stays a failure', () => {
    const { state, take, phase } = setUp();
    take(ended('failure'), taken());
    expect(take(untold)).toEqual([explain]);
    expect([phase(), state.endings.get(ID)]).toEqual(['over', 'failure']);
  });

  it('of a hit counts when it is known', () => {
    const { state, take } = setUp();
    expect(take(hit())).toEqual([{ type: 'take', taskId: ID, source: { kind: 'hit', hit: hitOf(ID) } }]);
    take(taken({ code: 1 }));
    expect([state.endings.get(ID), state.statuses[ID]]).toEqual(['failure', 'failure']);
  });

  it('that arrives after a success, in whatever order their outputs do, is the result', () => {
    const { state, take } = setUp();
    take(ended('success'), taken());
    expect(take(ended('failure'))).toEqual([]);
    take(told);
    expect([state.endings.get(ID), state.statuses[ID]]).toEqual(['failure', 'failure']);
    take(ended('returned'), ended('success'));
    expect(state.endings.get(ID)).toBe('failure');
  });

  it('stays one if its success cannot be taken over any more', () => {
    const { state, take } = setUp();
    take(ended('success'), ended('failure'), untaken);
    expect(state.endings.get(ID)).toBe('failure');
  });
});

describe('a task whose server failed', () => {
  const never = finished({ status: 'failure', artifact: { kind: 'none' }, servers });

  it('never ran: it fails, and is shown as skipped', () => {
    const { state, take } = setUp();
    expect(take(ended('failure', { result: never }))).toMatchObject([
      { type: 'conclude', conclusion: { ending: 'failure', status: 'skipped' } },
    ]);
    expect([state.endings.get(ID), state.statuses[ID], state.failedOn.size]).toEqual([
      'failure',
      'skipped',
      0,
    ]);
  });

  it.each([
    ['it has outputs', finished({ status: 'failure', servers })],
    ['no server failed', { ...never, servers: servers.map((server) => ({ ...server, failed: false })) }],
    ['it had no servers', finished({ status: 'failure', artifact: { kind: 'none' } })],
    ['it has no result', null],
  ])('ran if %s', (_, result) => {
    const { state, take } = setUp();
    expect(typesOf(take(ended('failure', { result })))).toEqual(['take']);
    expect(state.statuses[ID]).toBe('failure');
  });

  it('never ran if one of several failed', () => {
    const several = [{ ...servers[0]!, failed: false }, ...servers];
    expect(typesOf(setUp().take(ended('failure', { result: { ...never, servers: several } })))).toEqual([
      'conclude',
    ]);
  });
});

describe('a task that was returned', () => {
  it('is judged, and runs here', () => {
    const { state, take, phase } = setUp();
    const result = finished();
    expect(take(ended('returned', { result }))).toEqual([
      { type: 'judge', taskId: ID, entry: endedEntry('returned', { result }), finished: result },
    ]);
    expect([phase(), state.endings.get(ID)]).toEqual(['judging', 'returned']);
    expect(take(judged(false))).toEqual([]);
    expect([phase(), state.endings.get(ID)]).toEqual(['over', 'returned']);
  });

  it('is a failure if it is judged one, and the command fails now', () => {
    const { state, take } = setUp();
    take(ended('returned'));
    expect(typesOf(take(judged(true)))).toEqual(['take', 'fail-late']);
    expect(state.endings.get(ID)).toBe('failure');
  });

  it('runs here if nobody can judge it', () => {
    const { state, take, phase } = setUp();
    take(ended('returned'));
    expect(take(untaken)).toEqual([explain]);
    expect([phase(), state.endings.get(ID)]).toEqual(['over', 'returned']);
  });
});

describe('a task of which the shared cache had a damaged result', () => {
  const again = (status: 'success' | 'failure'): FollowEvent => ({
    type: 'made-again',
    entry: endedEntry(status),
  });

  it('that an agent has made again begins, and ends as any other', () => {
    const { take, state } = setUp();
    expect(take(hit(), again('success')).map(({ type }) => type)).toEqual(['take', 'begin', 'take']);
    take(taken(), told);
    expect([state.endings.get(ID), state.fromCache, state.byAgent.get('agent-1')]).toEqual(['success', 0, 1]);
  });

  it('that could not run because of it succeeds in the end', () => {
    const { take, state } = setUp();
    expect(take(ended('returned'), again('success')).map(({ type }) => type)).toEqual([
      'judge',
      'begin',
      'take',
    ]);
    take(taken(), told);
    expect([state.endings.get(ID), state.statuses[ID]]).toEqual(['success', 'success']);
  });

  it('and that fails when it is made again has failed', () => {
    const { take, state } = setUp();
    take(hit(), again('failure'));
    expect([state.endings.get(ID), state.statuses[ID]]).toEqual(['failure', 'failure']);
  });

  it('is not begun again if it has been taken over', () => {
    const { take } = setUp();
    take(hit(), taken());
    expect(take(again('failure'))).toEqual([]);
    take(told);
    expect(take(again('failure'))).toEqual([]);
  });
});

describe('a task that did not run', () => {
  it('because it was skipped is over, and needs no servers', () => {
    const { state, take, phase } = setUp();
    expect(take(ended('skipped'))).toEqual([release]);
    expect([phase(), state.endings.get(ID)]).toEqual(['over', 'skipped']);
  });

  it('because the run was cancelled is over', () => {
    const { state, take, phase } = setUp();
    expect(take(ended('cancelled'))).toEqual([]);
    expect([phase(), state.endings.get(ID), state.stopped.size]).toEqual(['over', 'cancelled', 0]);
  });

  it('to its end is told as stopped', () => {
    const { state, take, phase } = setUp();
    take(started());
    expect(take(ended('cancelled'))).toMatchObject([
      { type: 'conclude', conclusion: { ending: 'cancelled', status: 'stopped', stamp: { endMs: 9_000 } } },
    ]);
    expect([state.endings.get(ID), state.stopped.size]).toEqual(['cancelled', 0]);
    take(told);
    expect([phase(), [...state.stopped], state.statuses]).toEqual(['over', [ID], {}]);
    expect(take({ type: 'skip', taskId: ID })).toEqual([]);
    expect(state.statuses[ID]).toBe('stopped');
  });

  it('to its end stays cancelled if it cannot be told', () => {
    const { state, take, phase } = setUp();
    take(started(), ended('cancelled'));
    expect(take(untold)).toEqual([explain]);
    expect([phase(), state.endings.get(ID), state.stopped.size]).toEqual(['over', 'cancelled', 0]);
  });

  it('is shown as skipped, unless it has failed', () => {
    const { state, take } = setUp();
    expect(take({ type: 'skip', taskId: ID })).toEqual([{ type: 'show-skipped', taskId: ID }]);
    expect(state.statuses[ID]).toBe('skipped');
    take({ type: 'server.ended', taskId: ID, ending: 'failure' });
    expect(take({ type: 'skip', taskId: ID })).toEqual([]);
    expect(state.statuses[ID]).toBe('failure');
  });

  it('because something is lacking has failed, and its servers belong to this job', () => {
    const { state, take, phase } = setUp();
    expect(take({ type: 'lacking', taskId: ID, error })).toMatchObject([
      { type: 'conclude', conclusion: { ending: 'failure', terminalOutput: `${error.explain()}\n` } },
    ]);
    expect([state.endings.get(ID), state.statuses[ID]]).toEqual(['failure', 'failure']);
    expect(take(told)).toEqual([]);
    expect(phase()).toBe('over');
  });
});

it.each(['success', 'failure'] as const)('keeps that a server ended with %s', (ending) => {
  const { state, take } = setUp();
  expect(take({ type: 'server.ended', taskId: ID, ending })).toEqual([]);
  expect([state.endings.get(ID), state.statuses[ID]]).toEqual([ending, ending]);
});

describe('the output of a batch process', () => {
  const says = [{ type: 'say-batch-log', taskId: ID, agent, log: 'words' }];

  it('is printed with the end of a task or a retried attempt', () => {
    expect(setUp().take(ended('skipped', { batchLog: 'words' }))).toEqual([...says, release]);
    const retried = { seq: 1, type: 'retried', taskId: ID, attempt: 1, agent, batchLog: 'words' };
    const { take, phase } = setUp();
    expect(take(entry(retried as RunLogEntry))).toEqual(says);
    expect(phase()).toBeUndefined();
  });

  it('is not there if an entry has none', () => {
    const retried = { seq: 1, type: 'retried', taskId: ID, attempt: 1, agent };
    expect(setUp().take(entry(retried as RunLogEntry))).toEqual([]);
  });
});

describe('an event', () => {
  it('of an unknown task changes nothing', () => {
    const { state, take } = setUp();
    const other = 'other:build';
    const events = [hit(other), started(other), ended('failure', { taskId: other }), taken({}, other)];
    expect(take(...events)).toEqual([]);
    expect(state).toEqual(setUp().state);
  });

  it('that answers nothing that was asked changes nothing', () => {
    const { state, take } = setUp();
    expect(take(taken(), untaken, told, untold, judged(true))).toEqual([]);
    expect(state).toEqual(setUp().state);
    take(started());
    expect(take(taken(), untaken, told, untold, judged(true))).toEqual([]);
  });

  it('that comes twice changes nothing', () => {
    const { take } = setUp();
    take(started(), ended('success'));
    expect(take(hit(), started(), ended('success'), ended('returned'), ended('cancelled'))).toEqual([]);
    expect(typesOf(take(taken(), taken(), untaken))).toEqual(['conclude']);
    expect(typesOf(take(told, told, untold))).toEqual(['release-servers']);
  });
});

it('counts tasks from caches, and the others by agent', () => {
  const { state, take } = setUp();
  take(hit(), taken({ from: 'local' }));
  expect(state.fromCache).toBe(1);
  take(ended('success', { taskId: GROUP }), taken({ from: 'remote' }, GROUP));
  expect(state.fromCache).toBe(2);

  const others = setUp();
  others.take(ended('success', { taskId: GROUP }), taken({}, GROUP));
  others.take(ended('success', { result: finished({ fromCache: 'remote-cache' }) }), taken());
  expect([others.state.fromCache, others.state.byAgent.size]).toEqual([1, 0]);

  const twice = setUp();
  twice.take(ended('failure', { result: finished({ fromCache: 'remote-cache' }) }), taken());
  twice.take(ended('success', { taskId: GROUP, result: finished() }), taken({}, GROUP));
  expect([twice.state.fromCache, [...twice.state.byAgent]]).toEqual([0, [['agent-1', 2]]]);
});
