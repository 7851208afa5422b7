import { runSpec, taskSpec } from '@org/dte-testing';
import type { FinishedAttempt, Work } from '@org/dte-protocol';
import type { Input } from './interface';
import { createState, type SchedulerState } from './state';
import { step } from './step';
import { CONFIG, SUCCESS } from './test-support/session';

const MB = 1_000_000;

/** A task ran, and its outputs are this large. */
const made = (taskId: string, bytes: number): Work => {
  const outputs = { digest: '0'.repeat(64), entries: 1, bytes };
  const result: FinishedAttempt = { ...SUCCESS, artifact: { kind: 'attempt', attempt: 1, outputs } };
  return { runId: 'r1', taskId, attempt: 1, phase: { name: 'completed', result } };
};
const runs = (taskId: string): Work => ({
  runId: 'r1',
  taskId,
  attempt: 1,
  phase: { name: 'executing', startMs: 0 },
});

describe('the agent that has the dependencies on its disk', () => {
  let state: SchedulerState;
  const take = (input: Input): unknown => step(state, input, 1);
  const sync = (agentId: string, seq: number, work: Work[]): unknown =>
    take({
      type: 'agent.sync',
      agentId,
      sync: { type: 'agent.sync', seq, slots: 2, draining: false, work },
    });
  const tasksOn = (agentId: string): string[] =>
    Array.from(state.agents.get(agentId)!.leases, ({ assignment }) => assignment.taskId);

  /** On one agent a task made outputs of this size beside a task that still runs; the other agent is idle. */
  const chosenFor = (bytes: number, expectedMs: number): string => {
    state = createState(CONFIG, 's1');
    const agent = { name: 'g', jobUrl: null, slots: 2, labels: [] };
    take({ type: 'agent.joined', agent: { ...agent, agentId: 'busy' } });
    const tasks = [taskSpec('lib'), taskSpec('long', [], { weight: 1 }), taskSpec('app', ['lib'])];
    take({ type: 'run.submit', spec: runSpec('r1', tasks), learntMs: [5_000, 60_000, expectedMs] });
    sync('busy', 1, [runs('lib'), runs('long')]);
    take({ type: 'agent.joined', agent: { ...agent, agentId: 'idle' } });
    sync('busy', 2, [made('lib', bytes), runs('long')]);
    return tasksOn('busy').includes('app') ? 'busy' : 'idle';
  };

  it('is left alone if another one has more free slots and the bytes are soon there', () => {
    expect(chosenFor(10 * MB, 10_000)).toBe('idle');
  });

  it('is chosen although it is busier if moving the bytes takes longer than the task loses there', () => {
    expect(chosenFor(500 * MB, 10_000)).toBe('busy');
  });

  it('is left alone even with as many bytes if the task is so long that it loses more there', () => {
    expect(chosenFor(500 * MB, 600_000)).toBe('idle');
  });

  it('is the one with most bytes, not the one with most dependencies', () => {
    state = createState(CONFIG, 's1');
    for (const agentId of ['small', 'large'])
      take({ type: 'agent.joined', agent: { agentId, name: 'g', jobUrl: null, slots: 2, labels: [] } });
    const tasks = [
      taskSpec('a', [], { weight: 9 }),
      taskSpec('b', [], { weight: 8 }),
      taskSpec('c', [], { weight: 7 }),
    ];
    take({ type: 'run.submit', spec: runSpec('r1', [...tasks, taskSpec('app', ['a', 'b', 'c'])]) });
    expect([tasksOn('small'), tasksOn('large')]).toEqual([['a', 'c'], ['b']]);
    sync('small', 1, [made('a', MB), made('c', MB)]);
    sync('large', 1, [made('b', 900 * MB)]);
    expect([tasksOn('small'), tasksOn('large')]).toEqual([[], ['app']]);
  });
});

describe('a task that waits for a slot', () => {
  /** When its agent gets it, whose slot is expected to be free after 10 s. */
  const givenMs = (bytes: number): number => {
    const state = createState(CONFIG, 's1');
    const agent = { name: 'g', jobUrl: null, slots: 1, labels: [], spare: 1 };
    const sync = (nowMs: number, seq: number, work: Work[]): unknown => {
      const said = { type: 'agent.sync', seq, slots: 1, draining: false, work } as const;
      return step(state, { type: 'agent.sync', agentId: 'a1', sync: said }, nowMs);
    };
    step(state, { type: 'agent.joined', agent: { ...agent, agentId: 'a1' } }, 0);
    const tasks = [taskSpec('lib'), taskSpec('long', [], { weight: 1 }), taskSpec('app', ['lib'])];
    step(state, { type: 'run.submit', spec: runSpec('r1', tasks), learntMs: [20_000, 10_000, 5_000] }, 0);
    sync(0, 1, [runs('lib')]);
    sync(0, 2, [made('lib', bytes)]);
    expect(Array.from(state.agents.get('a1')!.leases, ({ assignment }) => assignment.taskId)).toEqual([
      'long',
    ]);
    sync(0, 3, [runs('long')]);
    for (let nowMs = 250; nowMs <= 10_000; nowMs += 250) {
      step(state, { type: 'tick' }, nowMs);
      if (state.agents.get('a1')!.ahead.size > 0) return nowMs;
    }
    return Infinity;
  };

  it('is given to its agent earlier if its dependencies are large', () => {
    expect(givenMs(0)).toBe(9_000);
    expect(givenMs(100 * MB)).toBe(7_000);
  });
});
