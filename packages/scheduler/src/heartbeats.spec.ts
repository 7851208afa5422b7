import { runSpec, taskSpec } from '@org/dte-testing';
import type { AgentSync, Work } from '@org/dte-protocol';
import { isAwaited, isHeartbeat } from './heartbeats';
import { holds } from './holdings';
import { createState, type SchedulerState } from './state';
import { step } from './step';

const LEASE_MS = 30_000;
const config = {
  leaseMs: LEASE_MS,
  agentReturnMs: LEASE_MS / 2,
  mainLostMs: 600_000,
  sessionIdleMs: 600_000,
  attemptsPerTask: 3,
  logEntriesPerFrame: 500,
  frameBytes: 16 * 1024 * 1024,
  releaseIdleMs: 30_000,
  reserveSlots: 1,
};
const A = { runId: 'r1', taskId: 'a:build', attempt: 1 };

const sync = (overrides: Partial<AgentSync> = {}): AgentSync => ({
  type: 'agent.sync',
  seq: 5,
  slots: 2,
  draining: false,
  work: [executing('a:build'), executing('b:build')],
  ...overrides,
});
const executing = (taskId: string, attempt = 1): Work => ({
  runId: 'r1',
  taskId,
  attempt,
  phase: { name: 'executing', startMs: 1 },
});

/** An agent that has executed two tasks since time 0, while a third one waits. */
function atWork(): SchedulerState {
  const state = createState(config, 's1');
  const tasks = ['a:build', 'b:build', 'c:build'].map((id) => taskSpec(id));
  step(state, { type: 'run.submit', spec: runSpec('r1', tasks) }, 0);
  const agent = { agentId: 'a1', name: 'a1', jobUrl: null, slots: 2, labels: [] };
  step(state, { type: 'agent.joined', agent }, 0);
  step(state, { type: 'agent.sync', agentId: 'a1', sync: sync() }, 0);
  return state;
}

describe('a sync is a heartbeat', () => {
  it('if its step renews leases, sends no answer and changes nothing else', () => {
    const state = atWork();
    expect(isHeartbeat(state, 'a1', sync({ seq: 6 }))).toBe(true);
    const [one, other] = [structuredClone(state), structuredClone(state)];
    const effects = step(one, { type: 'agent.sync', agentId: 'a1', sync: sync() }, 9_000);
    expect(effects).toMatchObject({ send: [], events: [] });
    step(other, { type: 'agents.heard', agoMs: { a1: 0 } }, 9_000);
    expect(other).toEqual(one);
  });

  const nothing = (): void => undefined;
  const news: [string, Partial<AgentSync>, (state: SchedulerState) => void][] = [
    ['that lists an attempt less', { work: [executing('a:build')] }, nothing],
    ['that lists an attempt more', { work: [...sync().work, executing('c:build')] }, nothing],
    [
      'that lists one twice instead of another',
      { work: [executing('a:build'), executing('a:build')] },
      nothing,
    ],
    ['that lists another attempt', { work: [executing('a:build'), executing('b:build', 2)] }, nothing],
    [
      'with a result',
      {
        work: [
          executing('a:build'),
          {
            ...A,
            taskId: 'b:build',
            phase: {
              name: 'completed',
              result: { kind: 'returned', reason: { code: 'DTE_INTERNAL', message: 'x' } },
            },
          },
        ],
      },
      nothing,
    ],
    ['of an agent that stops', { draining: true }, nothing],
    ['of an agent with other slots', { slots: 3 }, nothing],
    ['that was overtaken', { seq: 4 }, nothing],
    [
      'of an agent that is gone',
      {},
      (state) => void step(state, { type: 'agent.disconnected', agentId: 'a1' }, 1),
    ],
    [
      'of an agent that is to leave',
      { work: [] },
      (state) => {
        step(state, { type: 'session.complete' }, 1);
        step(
          state,
          { type: 'main.sync', sync: { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'close' } },
          1,
        );
      },
    ],
  ];
  it.each(news)('but not %s', (_, overrides, happen) => {
    const state = atWork();
    happen(state);
    expect(isHeartbeat(state, 'a1', sync(overrides))).toBe(false);
  });

  it('but not of an unknown agent, nor if it is the first to report that an attempt has started', () => {
    const state = atWork();
    expect(isHeartbeat(state, 'a2', sync())).toBe(false);
    const work: Work[] = [{ ...A, phase: { name: 'preparing' } }, executing('b:build')];
    expect(isHeartbeat(state, 'a1', sync({ work }))).toBe(true);
    step(
      state,
      { type: 'agent.removed', agentId: 'a1', reason: { code: 'DTE_AGENT_LEFT', message: 'x' } },
      1,
    );
    const agent = { agentId: 'a2', name: 'a2', jobUrl: null, slots: 2, labels: [] };
    step(state, { type: 'agent.joined', agent }, 2);
    const again = [executing('a:build', 2), executing('b:build', 2)];
    expect(isHeartbeat(state, 'a2', sync({ work: again }))).toBe(false);
  });
});

describe('agents that sent heartbeats', () => {
  it('keep leases that would have expired just now', () => {
    const state = atWork();
    step(state, { type: 'agents.heard', agoMs: { a1: 1_000 } }, LEASE_MS);
    step(state, { type: 'tick' }, LEASE_MS);
    expect(holds(state, 'a1', A)).toBe(true);
  });

  it('lose their leases one lease after their last heartbeat, not after it was stored', () => {
    const state = atWork();
    const { wakeAtMs } = step(state, { type: 'agents.heard', agoMs: { a1: 20_000 } }, LEASE_MS);
    expect(wakeAtMs).toBe(LEASE_MS - 20_000 + LEASE_MS);
    step(state, { type: 'tick' }, wakeAtMs! - 1);
    expect(holds(state, 'a1', A)).toBe(true);
    step(state, { type: 'tick' }, wakeAtMs!);
    expect(holds(state, 'a1', A)).toBe(false);
  });

  it('are waited for while they hold something', () => {
    const state = atWork();
    expect(isAwaited(state, 'a1')).toBe(true);
    step(
      state,
      { type: 'agent.removed', agentId: 'a1', reason: { code: 'DTE_AGENT_LEFT', message: 'x' } },
      1,
    );
    expect(isAwaited(state, 'a1')).toBe(false);
  });
});
