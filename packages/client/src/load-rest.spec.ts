import { loadRestLater } from './load-rest';

const held = globalThis as { dteLazyRequires?: (() => unknown)[] | undefined };

describe('loadRestLater', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => {
    jest.useRealTimers();
    held.dteLazyRequires = undefined;
  });

  it('loads later what is registered, what that registers, and the rest if one fails', () => {
    const loaded: string[] = [];
    const fails = (): void => {
      throw new Error('not installed');
    };
    const first = (): void => {
      loaded.push('first');
      held.dteLazyRequires?.push(() => loaded.push('inner'));
    };
    held.dteLazyRequires = [first, fails, () => loaded.push('second')];
    loadRestLater(1_000);
    jest.advanceTimersByTime(999);
    expect(loaded).toEqual([]);
    jest.runAllTimers();
    expect(loaded).toEqual(['first', 'second', 'inner']);
  });

  it('does nothing where no file is compiled so', () => {
    loadRestLater(1_000);
    expect(() => jest.runAllTimers()).not.toThrow();
  });
});
