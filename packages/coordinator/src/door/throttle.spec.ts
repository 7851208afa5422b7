import { Throttle } from './throttle';

describe('a throttle', () => {
  let nowMs = 0;
  const make = (leaseMs = 30_000) =>
    new Throttle({ bytesPerSecond: 2_048, burstBytes: 10_240, leaseMs, now: () => nowMs });

  it('lets a burst through, and then only what drains', () => {
    const throttle = make();
    expect(throttle.take(9_216)).toBe(0);
    expect(throttle.take(1_024)).toBe(1_000);
    nowMs += 1_000;
    expect(throttle.take(0)).toBe(500);
  });

  it('counts more than their bytes for small messages', () => {
    const throttle = make();
    const pauses = Array.from({ length: 20 }, () => throttle.take(1));
    expect(pauses.findIndex((pause) => pause > 0)).toBe(9);
  });

  it('recovers with time, and does not accumulate credit', () => {
    const throttle = make();
    throttle.take(9_216);
    nowMs += 3_600_000;
    expect(throttle.take(9_216)).toBe(0);
    expect(throttle.take(1_024)).toBe(1_000);
  });

  it('never requires a pause long enough for the other side to count as dead', () => {
    expect(make().take(1_000_000_000)).toBe(8_000);
    expect(make(3_000).take(1_000_000_000)).toBe(1_500);
  });
});
