import { runSpec, taskSpec } from '@org/dte-testing';
import type { FinishedAttempt } from '@org/dte-protocol';
import type { Input } from './interface';
import { createState } from './state';
import { step } from './step';

const config = {
  leaseMs: 30_000,
  agentReturnMs: 15_000,
  mainLostMs: 60_000,
  sessionIdleMs: 600_000,
  // With one attempt per task, the first agent that returns a task decides.
  attemptsPerTask: 1,
  logEntriesPerFrame: 500,
  frameBytes: 1e7,
  releaseIdleMs: 30_000,
  reserveSlots: 1,
};

const failure: FinishedAttempt = {
  kind: 'finished',
  status: 'failure',
  code: 1,
  fromCache: null,
  hash: 'other',
  artifact: { kind: 'none' },
  startMs: 0,
  endMs: 0,
  reason: { code: 'DTE_HASH_MISMATCH', message: 'differs' },
  hashDetails: { 'package.json': '1' },
};

describe('run log', () => {
  it('ends a frame after an entry with hash details, which may be large', () => {
    const state = createState(config, 's1');
    const work = ['a', 'b', 'c'].map((taskId) => ({
      runId: 'r1',
      taskId,
      attempt: 1,
      phase: { name: 'completed' as const, result: failure },
    }));
    const inputs: Input[] = [
      { type: 'agent.joined', agent: { agentId: 'a1', name: 'a1', jobUrl: null, slots: 3, labels: [] } },
      { type: 'run.submit', spec: runSpec('r1', [taskSpec('a'), taskSpec('b'), taskSpec('c')]) },
      { type: 'main.sync', sync: { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' } },
    ];
    for (const input of inputs) step(state, input, 1);
    const { send } = step(
      state,
      {
        type: 'agent.sync',
        agentId: 'a1',
        sync: { type: 'agent.sync', seq: 1, slots: 3, draining: false, work },
      },
      2,
    );
    const frames = send.flatMap((outgoing) => (outgoing.to === 'run' ? [outgoing.message] : []));
    expect(frames.map(({ entries }) => entries.length)).toEqual([1, 1, 1]);
    expect(frames.map(({ fromSeq }) => fromSeq)).toEqual([0, 1, 2]);
    expect(frames.map((frame) => frame.state)).toEqual(['running', 'running', 'finished']);
  });
});
