import { runSpec, taskSpec } from '@org/dte-testing';
import type { AgentSync, Work } from '@org/dte-protocol';
import type { Input } from './interface';
import { loadOf } from './load';
import { createState, type SchedulerState } from './state';
import { step } from './step';
import { CONFIG, SUCCESS } from './test-support/session';

const NOTHING = { agents: 0, leaving: 0, slots: 0, busy: 0, ready: 0, running: 0, waiting: 0 };

const done = (taskId: string): Work => ({
  runId: 'r1',
  taskId,
  attempt: 1,
  phase: { name: 'completed', result: SUCCESS },
});

describe('the load of a session', () => {
  let state: SchedulerState;
  let seq: number;
  beforeEach(() => {
    state = createState(CONFIG, 's1');
    seq = 0;
  });

  const take = (...inputs: Input[]): void => inputs.forEach((input) => step(state, input, 1));
  const sync = (agentId: string, work: Work[] = [], how: Partial<AgentSync> = {}): Input => ({
    type: 'agent.sync',
    agentId,
    sync: { type: 'agent.sync', seq: (seq += 1), slots: 2, draining: false, work, ...how },
  });
  const join = (agentId: string, slots: number | null = 2): Input => ({
    type: 'agent.joined',
    agent: { agentId, name: agentId, jobUrl: null, slots, labels: [] },
  });
  const submit = (): Input => ({
    type: 'run.submit',
    spec: runSpec('r1', [
      taskSpec('a:build'),
      taskSpec('b:build'),
      taskSpec('c:build'),
      taskSpec('d:build', ['a:build']),
    ]),
  });

  it('is nothing before anybody comes', () => {
    expect(loadOf(state)).toEqual(NOTHING);
  });

  it('is ready and waiting tasks without agents, and running ones as soon as there are slots', () => {
    take(submit());
    expect(loadOf(state)).toEqual({ ...NOTHING, ready: 3, waiting: 1 });
    take(join('a1'), sync('a1'));
    expect(loadOf(state)).toMatchObject({ agents: 1, slots: 2, busy: 2, ready: 1, running: 2, waiting: 1 });
    take(sync('a1', [done('a:build'), done('b:build')]));
    expect(loadOf(state)).toMatchObject({ busy: 2, ready: 0, running: 2, waiting: 0 });
    take(sync('a1', [done('c:build'), done('d:build')]));
    expect(loadOf(state)).toEqual({ ...NOTHING, agents: 1, slots: 2 });
  });

  it('counts an agent that leaves as leaving, and not at all when it is gone', () => {
    take(join('a1'), sync('a1', [], { draining: true }), join('a2', 3), sync('a2', [], { slots: 3 }));
    expect(loadOf(state)).toEqual({ ...NOTHING, agents: 2, leaving: 1, slots: 5 });
    take({ type: 'agent.disconnected', agentId: 'a1' });
    expect(loadOf(state)).toEqual({ ...NOTHING, agents: 1, slots: 3 });
  });

  it('gives an agent without --slots those of the run', () => {
    take(join('a1', null), sync('a1', [], { slots: null }));
    expect(loadOf(state)).toMatchObject({ agents: 1, slots: 0 });
    take(submit());
    expect(loadOf(state)).toMatchObject({ slots: state.defaultSlots });
    expect(state.defaultSlots).toBeGreaterThan(0);
  });
});
