import { loadRestLater } from './load-rest';

const held = globalThis as { dteLazyUses?: [string, () => unknown][] | undefined };

describe('loadRestLater', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => {
    jest.useRealTimers();
    held.dteLazyUses = undefined;
  });

  it('loads later what files of its own registered, what that registers, and the rest if one fails', () => {
    const loaded: string[] = [];
    const fails = (): void => {
      throw new Error('not installed');
    };
    const first = (): void => {
      loaded.push('first');
      held.dteLazyUses?.push(['first.js', () => loaded.push('inner')]);
    };
    held.dteLazyUses = [
      ['main.js', first],
      ['other.js', () => loaded.push('foreign')],
      ['main.js', fails],
      ['main.js', () => loaded.push('second')],
    ];
    loadRestLater((file) => file === 'other.js', 1_000);
    jest.advanceTimersByTime(999);
    expect(loaded).toEqual([]);
    jest.runAllTimers();
    expect(loaded).toEqual(['first', 'second', 'inner']);
  });

  it('does nothing where no file is compiled so', () => {
    loadRestLater(() => false, 1_000);
    expect(() => jest.runAllTimers()).not.toThrow();
  });
});
