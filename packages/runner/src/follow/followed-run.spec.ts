import type { ConnectionState } from '@org/dte-client';
import {
  DteError,
  type CoordinatorToMain,
  type Message,
  type RendezvousReport,
  type SessionInfo,
} from '@org/dte-protocol';
import { endedEntry, sessionAgent } from '../test-support/run-log';
import { FollowedRun, type FollowOptions } from './followed-run';

const agent = sessionAgent();
const info = (fields: Partial<SessionInfo> = {}): SessionInfo => ({
  type: 'session.info',
  sessionId: 's',
  state: 'open',
  agents: [agent],
  refused: [],
  ...fields,
});

function setUp(expected = 2, reports: RendezvousReport[] = [], given: Partial<FollowOptions> = {}) {
  const sent: Message[] = [];
  const entries: number[] = [];
  /** Outputs and sessions. */
  const heard: string[] = [];
  let say: (message: CoordinatorToMain) => void = () => undefined;
  let become: (state: ConnectionState) => void = () => undefined;
  let listeners = 2;
  const following = new FollowedRun({
    connection: {
      state: { name: 'open', url: 'u', httpUrl: 'u', token: 't', leaseMs: 1, heartbeatMs: 1 },
      onMessage: (listener) => {
        say = listener;
        return () => (listeners -= 1);
      },
      onState: (listener) => {
        become = listener;
        return () => (listeners -= 1);
      },
      send: (message) => sent.push(message) > 0,
    },
    runId: 'r',
    expected,
    info: null,
    limits: { coordinatorGraceMs: 30_000, agentWaitMs: 60_000, reportsPollMs: 3_000 },
    reports: () => Promise.resolve([...reports]),
    onEntry: ({ seq }) => entries.push(seq),
    onOutput: ({ data }) => heard.push(data),
    onSession: ({ state }) => heard.push(state),
    ...given,
  });
  const update = (fromSeq: number, seqs: number[]): void =>
    say({
      type: 'run.update',
      runId: 'r',
      fromSeq,
      entries: seqs.map((seq) => endedEntry(seq)),
      state: 'running',
      summary: { total: 2, done: 0, running: 0, agents: 1, slots: 1, oldestRunning: null },
    });
  return {
    following,
    sent,
    heard,
    entries,
    update,
    say: (m: CoordinatorToMain) => say(m),
    become: (s: ConnectionState) => become(s),
    listeners: () => listeners,
  };
}
const sync = (ackSeq: number, want = 'follow') => ({ type: 'main.sync', runId: 'r', ackSeq, want });
const open = { name: 'open', url: 'u', token: 't', leaseMs: 1, heartbeatMs: 1 } as ConnectionState;

describe('FollowedRun', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('acknowledges received entries, several updates at once, and ends with the last task', async () => {
    const run = setUp(3);
    run.update(0, [1]);
    run.update(1, [2]);
    expect(run.sent).toEqual([sync(0)]);
    await jest.advanceTimersByTimeAsync(500);
    expect(run.sent).toEqual([sync(0), sync(2)]);
    run.update(2, [3]);
    expect(await run.following.over).toBeNull();
    expect(run.entries).toEqual([1, 2, 3]);
    expect(run.listeners()).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('asks again at once when an update is missing', () => {
    const run = setUp();
    run.update(4, [5]);
    expect(run.sent).toEqual([sync(0), sync(0)]);
  });

  it('ends at once when every task was settled before', async () => {
    expect(await setUp(0).following.over).toBeNull();
  });

  it('continues from its last position after a reconnect', () => {
    const run = setUp();
    run.update(0, [1]);
    run.become({ name: 'connecting', lastError: null, unreached: null });
    run.become(open);
    expect(run.sent.at(-1)).toEqual(sync(1));
  });

  it('stops waiting when no agent connects in time', async () => {
    const run = setUp();
    run.say(info({ agents: [] }));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(await run.following.over).toMatchObject({ code: 'DTE_NO_AGENTS' });
  });

  const report: RendezvousReport = {
    version: 1,
    name: 'nx-agent 1/3',
    jobUrl: 'https://gitlab.example.com/g/p/-/jobs/2',
    message: 'https://10.0.0.7:41233: no answer.',
    atMs: 0,
  };

  it('stops waiting soon when agents report that they cannot reach it, and lists their logs', async () => {
    const reports: RendezvousReport[] = [];
    const run = setUp(2, reports);
    run.say(info({ agents: [] }));
    await jest.advanceTimersByTimeAsync(10_000);
    reports.push(report);
    await jest.advanceTimersByTimeAsync(3_000);
    const error = await run.following.over;
    expect(error?.code).toBe('DTE_UNREACHABLE');
    expect(error?.message).toBe(
      'No agent can reach this job: 1 agent reports so (details in the logs: https://gitlab.example.com/g/p/-/jobs/2). The main job runs the remaining tasks itself.',
    );
    expect(jest.getTimerCount()).toBe(0);
  });

  it('stops waiting at once when agents had reported before the command started', async () => {
    const run = setUp(2, [report]);
    run.say(info({ agents: [] }));
    await jest.advanceTimersByTimeAsync(1);
    expect(await run.following.over).toMatchObject({ code: 'DTE_UNREACHABLE' });
  });

  it('continues with the agents that can reach it, whatever others report', async () => {
    const run = setUp(2, [report]);
    run.say(info());
    await jest.advanceTimersByTimeAsync(30_000);
    run.say(info({ agents: [{ ...agent, connected: false }] }));
    await jest.advanceTimersByTimeAsync(30_000);
    run.say(info());
    run.update(0, [1, 2]);
    expect(await run.following.over).toBeNull();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not ask for reports before it knows that no agent is connected', async () => {
    const run = setUp(2, [report]);
    await jest.advanceTimersByTimeAsync(30_000);
    run.update(0, [1, 2]);
    expect(await run.following.over).toBeNull();
  });

  it('waits while an agent is connected', async () => {
    const run = setUp();
    run.say(info());
    await jest.advanceTimersByTimeAsync(3_600_000);
    run.update(0, [1, 2]);
    expect(await run.following.over).toBeNull();
  });

  it('stops waiting when the coordinator remains unreachable, and not when it reconnects in time', async () => {
    const run = setUp();
    run.say(info());
    run.become({ name: 'connecting', lastError: null, unreached: null });
    await jest.advanceTimersByTimeAsync(29_999);
    run.become(open);
    await jest.advanceTimersByTimeAsync(50_000);
    run.become({ name: 'connecting', lastError: null, unreached: null });
    await jest.advanceTimersByTimeAsync(30_000);
    expect(await run.following.over).toMatchObject({ code: 'DTE_COORDINATOR_LOST' });
  });

  it('does not wait in a session that is over and has lost its agents', async () => {
    const run = setUp();
    run.say(info({ state: 'finished', agents: [] }));
    expect(await run.following.over).toMatchObject({ code: 'DTE_SESSION_FINISHED' });
  });

  it('stops waiting with the reason when it is rejected, or when its run is unknown', async () => {
    const refused = setUp();
    refused.become({ name: 'failed', error: new DteError('DTE_BAD_SECRET', 'no') });
    expect(await refused.following.over).toMatchObject({ code: 'DTE_BAD_SECRET' });
    const unknown = setUp();
    unknown.say({ type: 'error', fatal: false, reason: { code: 'DTE_UNKNOWN_RUN', message: 'who?' } });
    expect(await unknown.following.over).toMatchObject({ code: 'DTE_UNKNOWN_RUN' });
  });

  it('asks for the run to be cancelled', () => {
    const run = setUp();
    run.following.cancel();
    expect(run.sent.at(-1)).toEqual(sync(0, 'cancel'));
  });

  it('hands on outputs of its run, and every change of the session', () => {
    const run = setUp();
    const output = { type: 'run.output', taskId: 't', attempt: 1, offset: 0 } as const;
    run.say({ ...output, runId: 'r', data: 'mine' });
    run.say({ ...output, runId: 'other', data: 'not mine' });
    run.say(info());
    run.update(0, [1]);
    expect(run.heard).toEqual(['mine', 'open']);
    expect(run.sent).toEqual([sync(0)]);
  });

  it('begins with the session as it was last received, unless there is nothing to wait for', async () => {
    const gone = info({ state: 'finished', agents: [] });
    const run = setUp(2, [], { info: gone });
    expect(await run.following.over).toMatchObject({ code: 'DTE_SESSION_FINISHED' });
    expect(run.heard).toEqual(['finished']);
    const empty = setUp(0, [], { info: gone });
    expect(await empty.following.over).toBeNull();
    expect(empty.heard).toEqual([]);
  });

  it('waits for its coordinator from the beginning if the connection is lost already', async () => {
    const connection = {
      state: { name: 'connecting', lastError: null, unreached: null },
      onMessage: () => () => undefined,
      onState: () => () => undefined,
      send: () => true,
    } as const;
    const { following } = setUp(2, [], { connection });
    await jest.advanceTimersByTimeAsync(30_000);
    expect(await following.over).toMatchObject({ code: 'DTE_COORDINATOR_LOST' });
  });

  it('stops waiting when its connection is closed', async () => {
    const run = setUp();
    run.become({ name: 'closed' });
    expect(await run.following.over).toMatchObject({
      code: 'DTE_COORDINATOR_LOST',
      message: 'The connection to the coordinator was closed.',
    });
  });

  it.each([
    [true, ['follow', 'cancel']],
    [false, ['follow']],
    [undefined, ['follow']],
  ])('cancels its run after a failure if it stops at failures (%s)', (stopsAtFailure, wants) => {
    const run = setUp(3, [], stopsAtFailure === undefined ? {} : { stopsAtFailure });
    run.say({
      type: 'run.update',
      runId: 'r',
      fromSeq: 0,
      entries: [{ ...endedEntry(1), status: 'failure' }],
      state: 'running',
      summary: { total: 3, done: 1, running: 0, agents: 1, slots: 1, oldestRunning: null },
    });
    expect(run.sent.map((message) => 'want' in message && message.want)).toEqual(wants);
  });

  it('says how long the oldest task has been running by now', async () => {
    const run = setUp();
    expect(run.following.summary().oldestRunning).toBeNull();
    const oldestRunning = { taskId: 't', agentName: 'a', forMs: 5_000 };
    const summary = { total: 2, done: 0, running: 1, agents: 1, slots: 1, oldestRunning };
    await jest.advanceTimersByTimeAsync(700);
    run.say({ type: 'run.update', runId: 'r', fromSeq: 0, entries: [], state: 'running', summary });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(run.following.summary()).toEqual({
      ...summary,
      oldestRunning: { ...oldestRunning, forMs: 6_000 },
    });
  });

  it('counts a draining agent as long as it runs tasks', async () => {
    const run = setUp();
    run.say(info({ agents: [{ ...agent, draining: true, running: ['t'] }] }));
    await jest.advanceTimersByTimeAsync(600_000);
    run.say(info({ agents: [{ ...agent, draining: true, running: [] }] }));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(await run.following.over).toMatchObject({ code: 'DTE_NO_AGENTS' });
  });
});
