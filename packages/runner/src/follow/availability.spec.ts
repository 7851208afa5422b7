import { judgeAvailability } from './availability';

describe('judgeAvailability', () => {
  const patience = { coordinatorGraceMs: 30_000, agentWaitMs: 60_000 };
  const judge = (coordinatorGoneSinceMs: number | null, agentsGoneSinceMs: number | null, nowMs: number) =>
    judgeAvailability({ coordinatorGoneSinceMs, agentsGoneSinceMs, unreached: [] }, patience, nowMs);

  it('waits for changes while coordinator and agents are connected', () => {
    expect(judge(null, null, 5)).toEqual({ kind: 'wait', askAgainAtMs: null });
  });

  it('waits for a first agent until the timeout', () => {
    expect(judge(null, 1_000, 60_999)).toEqual({ kind: 'wait', askAgainAtMs: 61_000 });
    expect(judge(null, 1_000, 61_000)).toMatchObject({ kind: 'give-up', error: { code: 'DTE_NO_AGENTS' } });
  });

  it('lists the logs of agents that cannot reach this job, without printing their text, and continues without them', () => {
    const unreached = [1, 2, 3, 4, 5].map((n) => ({
      version: 1 as const,
      name: `agent ${n}`,
      jobUrl: `https://git/-/jobs/${n}`,
      message: 'Words.',
      atMs: 0,
    }));
    const presence = { coordinatorGoneSinceMs: null, agentsGoneSinceMs: 1_000, unreached };
    const verdict = judgeAvailability(presence, patience, 1_001);
    if (verdict.kind !== 'give-up') throw new Error('it waits');
    expect(verdict.error.message).toBe(
      'No agent can reach this job: 5 agents report so (details in the logs: https://git/-/jobs/1, https://git/-/jobs/2, https://git/-/jobs/3 and 2 more). The main job runs the remaining tasks itself.',
    );
    expect(verdict.error.explain()).toMatch(/dte coordinator[^]*DTE_COORDINATOR_URL[^]*docs\/[\w/-]+.md/);
    const back = { ...presence, agentsGoneSinceMs: null };
    expect(judgeAvailability(back, patience, 1_001)).toEqual({ kind: 'wait', askAgainAtMs: null });
  });

  it('waits for the coordinator until the timeout, and not for agents at the same time', () => {
    expect(judge(1_000, 0, 30_999)).toEqual({ kind: 'wait', askAgainAtMs: 31_000 });
    expect(judge(1_000, null, 31_000)).toMatchObject({
      kind: 'give-up',
      error: { code: 'DTE_COORDINATOR_LOST' },
    });
  });

  it('says for how long it has waited, and what happens now', () => {
    const messageOf = (verdict: ReturnType<typeof judge>): string =>
      verdict.kind === 'give-up' ? verdict.error.message : '';
    expect(messageOf(judge(0, null, 30_000))).toBe(
      'The coordinator has been unavailable for 30 s; the main job runs the remaining tasks itself.',
    );
    expect(messageOf(judge(null, 0, 60_000))).toBe(
      'No agent was connected for 60 s; the main job runs the remaining tasks itself.',
    );
  });

  it.each([
    [['https://git/1', null], ' (details in the logs: https://git/1)'],
    [[null, null], ''],
    [
      ['https://git/1', 'https://git/2', 'https://git/3'],
      ' (details in the logs: https://git/1, https://git/2, https://git/3)',
    ],
  ])('names the logs of %j', (urls, logs) => {
    const unreached = urls.map((jobUrl) => ({
      version: 1 as const,
      name: 'a',
      jobUrl,
      message: '',
      atMs: 0,
    }));
    const presence = { coordinatorGoneSinceMs: null, agentsGoneSinceMs: 0, unreached };
    expect(judgeAvailability(presence, patience, 1)).toMatchObject({
      error: {
        message: `No agent can reach this job: ${urls.length} agents report so${logs}. The main job runs the remaining tasks itself.`,
      },
    });
  });
});
