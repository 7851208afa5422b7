import fc from 'fast-check';
import { at } from '../model/at';
import { listSchedule, type Job } from './list-schedule';

const job = (durationMs: number, dependencies: number[] = [], place: Job['place'] = 'agent'): Job => ({
  durationMs,
  dependencies,
  place,
});
const slots = (agent: number, main = 1) => ({
  agent: Array.from({ length: agent }, () => 0),
  main: Array.from({ length: main }, () => 0),
});

describe('list scheduling', () => {
  it.each([
    ['nothing', [], 1, 0],
    ['one after the other on one slot', [job(3), job(4)], 1, 7],
    ['side by side on two', [job(3), job(4)], 2, 4],
    ['a chain, however many slots', [job(3), job(4, [0]), job(1, [1])], 9, 8],
    ['what needs no slot, at once', [job(0, [], 'nowhere'), job(4, [0]), job(4, [0])], 1, 8],
    ['the main job beside the agents', [job(5, [], 'main'), job(5), job(1, [0, 1])], 1, 6],
  ])('takes as long as %s needs', (_, jobs, count, expected) => {
    expect(listSchedule(jobs, slots(count))).toBe(expected);
  });

  it('begins with the longest chain', () => {
    // In the order of the list, the chain would begin after 4 and end after 14.
    expect(listSchedule([job(2), job(2), job(1), job(10, [2])], slots(1))).toBe(15);
    expect(listSchedule([job(4), job(4), job(1), job(9, [2])], slots(2))).toBe(10);
  });

  it('waits for slots that come later, and knows when none comes', () => {
    expect(listSchedule([job(3), job(3)], { agent: [0, 100], main: [] })).toBe(6);
    expect(listSchedule([job(3)], { agent: [100], main: [] })).toBe(103);
    expect(listSchedule([job(3)], { agent: [], main: [0] })).toBeNull();
  });

  it("stays between the bounds of Graham's paper", () => {
    const jobsOf = fc.array(
      fc.record({ durationMs: fc.nat(100), picks: fc.array(fc.nat(), { maxLength: 3 }) }),
      { minLength: 1, maxLength: 40 },
    );
    fc.assert(
      fc.property(jobsOf, fc.integer({ min: 1, max: 6 }), (specs, count) => {
        const jobs = specs.map(({ durationMs, picks }, nth) =>
          job(durationMs, nth === 0 ? [] : [...new Set(picks.map((pick) => pick % nth))]),
        );
        const chains: number[] = [];
        for (const { durationMs, dependencies } of jobs)
          chains.push(durationMs + Math.max(0, ...dependencies.map((index) => at(chains, index))));
        const chain = Math.max(...chains);
        const work = jobs.reduce((sum, { durationMs }) => sum + durationMs, 0);
        const wall = listSchedule(jobs, slots(count)) ?? NaN;
        expect(wall).toBeGreaterThanOrEqual(Math.max(chain, work / count));
        expect(wall).toBeLessThanOrEqual(chain + (work - chain) / count + 1e-6);
      }),
    );
  });
});
