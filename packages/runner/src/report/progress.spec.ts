import { progressLine } from './progress';

describe('progressLine', () => {
  it('shows the progress of a long run', () => {
    const oldestRunning = { taskId: 'app:e2e', agentName: 'agent-2', forMs: 42_000 };
    const summary = { total: 120, done: 34, running: 6, agents: 3, slots: 6, oldestRunning };
    expect(progressLine(summary, 0)).toBe(
      'dte: 34/120 done · 6 running on 3 agents · oldest app:e2e 42 s on agent-2',
    );
    expect(progressLine({ ...summary, agents: 0, oldestRunning: null }, 2)).toBe(
      'dte: 34/120 done · waiting for agents · 2 being fetched',
    );
  });
});
