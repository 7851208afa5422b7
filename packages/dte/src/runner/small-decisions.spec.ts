import { judgeAvailability } from './availability';
import { placeInTime } from './place-in-time';
import { duration, progressLine } from './progress';
import { endLine, startLine } from './summary';

describe('judgeAvailability', () => {
  const patience = { coordinatorGraceMs: 30_000, agentWaitMs: 60_000 };
  const judge = (coordinatorGoneSinceMs: number | null, agentsGoneSinceMs: number | null, nowMs: number) =>
    judgeAvailability({ coordinatorGoneSinceMs, agentsGoneSinceMs, unreached: [] }, patience, nowMs);

  it('waits for changes while coordinator and agents are there', () => {
    expect(judge(null, null, 5)).toEqual({ kind: 'wait', askAgainAtMs: null });
  });

  it('waits for a first agent so long and no longer', () => {
    expect(judge(null, 1_000, 60_999)).toEqual({ kind: 'wait', askAgainAtMs: 61_000 });
    expect(judge(null, 1_000, 61_000)).toMatchObject({ kind: 'give-up', error: { code: 'DTE_NO_AGENTS' } });
  });

  it('says where the logs of some agents are that cannot reach this job, in no words of theirs, and goes on without them', () => {
    const unreached = [1, 2, 3, 4, 5].map((n) => ({
      ...{ version: 1 as const, name: `agent ${n}`, jobUrl: `https://git/-/jobs/${n}`, message: 'Words.' },
      atMs: 0,
    }));
    const presence = { coordinatorGoneSinceMs: null, agentsGoneSinceMs: 1_000, unreached };
    const verdict = judgeAvailability(presence, patience, 1_001);
    if (verdict.kind !== 'give-up') throw new Error('it waits');
    expect(verdict.error.message).toBe(
      'No agent can reach this job: 5 agents report so (what each tried is in its log: https://git/-/jobs/1, https://git/-/jobs/2, https://git/-/jobs/3 and 2 more). The main job runs what is left itself.',
    );
    expect(verdict.error.explain()).toMatch(/dte coordinator[^]*DTE_COORDINATOR_URL[^]*docs\/gitlab.md/);
    const back = { ...presence, agentsGoneSinceMs: null };
    expect(judgeAvailability(back, patience, 1_001)).toEqual({ kind: 'wait', askAgainAtMs: null });
  });

  it('waits for the coordinator so long and no longer, and not for agents meanwhile', () => {
    expect(judge(1_000, 0, 30_999)).toEqual({ kind: 'wait', askAgainAtMs: 31_000 });
    expect(judge(1_000, null, 31_000)).toMatchObject({
      kind: 'give-up',
      error: { code: 'DTE_COORDINATOR_LOST' },
    });
  });
});

describe('placeInTime', () => {
  it("keeps the agent's times when its clock agrees", () => {
    expect(placeInTime({ startMs: 110, endMs: 150 }, 100, 200)).toEqual({ startMs: 110, endMs: 150 });
  });

  it.each([
    ['ahead', { startMs: 9_000, endMs: 9_040 }, { startMs: 160, endMs: 200 }],
    ['behind', { startMs: 0, endMs: 40 }, { startMs: 100, endMs: 140 }],
  ])('moves a task into the command, with its duration, when the clock is %s', (_, agent, expected) => {
    expect(placeInTime(agent, 100, 200)).toEqual(expected);
  });
});

describe('lines of ours', () => {
  it.each([
    [400, '0 s'],
    [42_000, '42 s'],
    [95_000, '1 min 35 s'],
    [3_720_000, '1 h 2 min'],
  ])('shows %d ms as %s', (ms, text) => expect(duration(ms)).toBe(text));

  it('shows where a long run stands', () => {
    const oldestRunning = { taskId: 'app:e2e', agentName: 'agent-2', forMs: 42_000 };
    const summary = { total: 120, done: 34, running: 6, agents: 3, slots: 6, oldestRunning };
    expect(progressLine(summary, 0)).toBe(
      'dte: 34/120 done · 6 running on 3 agents · oldest app:e2e 42 s on agent-2',
    );
    expect(progressLine({ ...summary, agents: 0, oldestRunning: null }, 2)).toBe(
      'dte: 34/120 done · waiting for agents · 2 being fetched',
    );
  });

  const agent = {
    agentId: 'a',
    name: 'a',
    jobUrl: null,
    slots: null,
    connected: true,
    draining: false,
    running: [],
    finished: 0,
  };

  it("counts slots with the run's --parallel for agents without slots of their own", () => {
    expect(startLine('7-1', [agent, { ...agent, slots: 4 }, { ...agent, connected: false }], 2, 60_000)).toBe(
      'dte: session 7-1 · 2 agents · 6 slots',
    );
  });

  it('says how long it waits when there is no agent yet', () => {
    expect(startLine('7-1', [], 2, 60_000)).toBe('dte: session 7-1 · no agent yet, waiting up to 1 min 0 s');
  });

  it('says what ran where', () => {
    const byAgent = new Map([
      ['agent-1', 5],
      ['agent-2', 4],
      ['agent-3', 3],
    ]);
    const tally = { byAgent, fromCache: 4, here: 1, retried: 2, total: 17, elapsedMs: 34_000 };
    expect(endLine(tally)).toBe(
      'dte: 12 tasks on 3 agents in 34 s · agent-1: 5 · agent-2: 4 · agent-3: 3 · 4 from cache · 1 in this job · 2 tried again',
    );
  });

  it('names the busiest of many agents and counts the others', () => {
    const byAgent = new Map(Array.from({ length: 12 }, (_, index) => [`a${index}`, index + 1] as const));
    expect(endLine({ byAgent, fromCache: 0, here: 0, retried: 0, total: 78, elapsedMs: 0 })).toMatch(
      /a11: 12 .* · 4 more agents$/,
    );
  });
});
