import { WakeTimer } from './wake-timer';

describe('WakeTimer', () => {
  let due: number[];
  let timer: WakeTimer;

  beforeEach(() => {
    jest.useFakeTimers({ now: 0 });
    due = [];
    timer = new WakeTimer(Date.now, () => due.push(Date.now()));
  });
  afterEach(() => {
    timer.clear();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('wakes at the time set', () => {
    timer.set(100);
    jest.advanceTimersByTime(99);
    expect(due).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(due).toEqual([100]);
  });

  it('wakes earlier when an earlier time is set', () => {
    timer.set(100);
    timer.set(50);
    jest.advanceTimersByTime(60);
    expect(due).toEqual([50]);
  });

  it('wakes once at the last of times that move later, with one timer', () => {
    for (const atMs of [100, 200, 300]) timer.set(atMs);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(1_000);
    expect(due).toEqual([300]);
  });

  it('does not wake if nothing is due any more', () => {
    timer.set(100);
    timer.set(null);
    jest.advanceTimersByTime(1_000);
    expect(due).toEqual([]);
  });

  it('does not spin for a time in the past', () => {
    jest.setSystemTime(1_000);
    timer.set(1);
    jest.advanceTimersByTime(4);
    expect(due).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(due).toEqual([1_005]);
  });

  it('waits longer than a single timer can', () => {
    const farMs = 2 ** 31 + 1_000;
    timer.set(farMs);
    jest.advanceTimersByTime(farMs - 1);
    expect(due).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(due).toEqual([farMs]);
  });
});
