import { placeInTime } from './place-in-time';

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
