import { FakeClock } from './fake-clock';

describe('fake clock', () => {
  it('runs what is due in order, including timers set on the way, and stops at the end', () => {
    const clock = new FakeClock(100);
    const seen: string[] = [];
    clock.setTimeout(() => seen.push(`late@${clock.now()}`), 20);
    clock.setTimeout(() => {
      seen.push(`early@${clock.now()}`);
      clock.setTimeout(() => seen.push(`between@${clock.now()}`), 5);
    }, 10);
    clock.advance(50);
    expect(seen).toEqual(['early@110', 'between@115', 'late@120']);
    expect(clock.now()).toBe(150);
    expect(clock.pending).toBe(0);
  });

  it('does not run what was cleared', () => {
    const clock = new FakeClock();
    const timer = clock.setTimeout(() => expect('run').toBe('cleared'), 1);
    clock.clearTimeout(timer);
    clock.advance(10);
    expect(clock.pending).toBe(0);
  });

  it('runs nothing before its time', () => {
    const clock = new FakeClock();
    clock.setTimeout(() => undefined, 10);
    expect(clock.runNext(9)).toBe(false);
    expect(clock.runNext(10)).toBe(true);
  });
});
