import { sessionAgent } from '../test-support/run-log';
import { endLine, releasedLine, startLine } from './summary';

describe('the lines that dte prints', () => {
  it("uses the run's --parallel as the slots of agents that set none", () => {
    expect(
      startLine(
        '7-1',
        [sessionAgent(), sessionAgent({ slots: 4 }), sessionAgent({ connected: false })],
        2,
        60_000,
      ),
    ).toBe('dte: session 7-1 · 2 agents · 6 slots');
  });

  it('prints how long it waits when there is no agent yet', () => {
    expect(startLine('7-1', [], 2, 60_000)).toBe('dte: session 7-1 · no agent yet, waiting up to 1 min 0 s');
  });

  it('prints what ran where', () => {
    const byAgent = new Map([
      ['agent-1', 5],
      ['agent-2', 4],
      ['agent-3', 3],
    ]);
    const tally = { byAgent, fromCache: 4, here: 1, retried: 2, total: 17, elapsedMs: 34_000 };
    expect(endLine(tally)).toBe(
      'dte: 12 tasks on 3 agents in 34 s · agent-1: 5 · agent-2: 4 · agent-3: 3 · 4 from cache · 1 in this job · 2 retried',
    );
  });

  it('names the busiest of many agents and counts the others', () => {
    const byAgent = new Map(Array.from({ length: 12 }, (_, index) => [`a${index}`, index + 1] as const));
    expect(endLine({ byAgent, fromCache: 0, here: 0, retried: 0, total: 78, elapsedMs: 0 })).toMatch(
      /a11: 12 .* · 4 more agents$/,
    );
  });
});

it('says once that agents leave early', () => {
  const line = "dte: 2 agents leave: the rest of the session can't use them (option releaseAgentsEarly)";
  expect(releasedLine(0, { released: 2 })).toBe(line);
  expect(releasedLine(2, { released: 2 })).toBeNull();
  expect(releasedLine(2, { released: 3 })).toContain('1 agent leaves: the rest');
  expect(releasedLine(0, {})).toBeNull();
});
