import { RefusalBook } from './refusals';

const refusal = (name: string, message = 'no') => ({
  name,
  reason: { code: 'DTE_BAD_SECRET' as const, message },
});

describe('RefusalBook', () => {
  it('counts a client that retries as one', () => {
    const book = new RefusalBook();
    expect(book.add('s1', refusal('a', 'first'))).toBe(true);
    expect(book.add('s1', refusal('a', 'second'))).toBe(false);
    expect(book.of('s1')).toEqual([refusal('a', 'first')]);
    expect(book.of('s2')).toEqual([]);
  });

  it('lists at most 80 of a session, and unauthenticated clients separately', () => {
    const book = new RefusalBook();
    const news = Array.from({ length: 150 }, (_, index) => book.add('s1', refusal(`agent ${index}`)));
    expect(news.filter(Boolean)).toHaveLength(80);
    expect(book.addStranger('s1', 'DTE_BAD_SECRET', '10.0.0.9', 0)).toMatchObject({ name: null });
    expect(book.of('s1')).toHaveLength(81);
  });

  it('forgets the oldest of a thousand sessions', () => {
    const book = new RefusalBook();
    for (let index = 0; index <= 1_000; index++) book.add(`s${index}`, refusal('a'));
    expect(book.of('s0')).toEqual([]);
    expect(book.of('s1000')).toHaveLength(1);
  });

  it('counts unauthenticated clients, and reports the first, the tenth, the hundredth', () => {
    const book = new RefusalBook();
    const news = Array.from({ length: 150 }, (_, index) =>
      book.addStranger('s1', 'DTE_BAD_SECRET', `10.0.0.${index}`, Date.UTC(2026, 0, 1, 0, 0, index)),
    );
    expect(news.flatMap((refusal) => refusal?.reason.message ?? [])).toEqual([
      expect.stringMatching(
        /^One connection was rejected.* It came at 2026-01-01T00:00:00Z from 10\.0\.0\.0\.$/,
      ),
      expect.stringMatching(/^10 connections were rejected/),
      expect.stringMatching(
        /^100 connections were rejected.* The first came at 2026-01-01T00:00:00Z from 10\.0\.0\.0\.$/,
      ),
    ]);
    expect(book.of('s1')).toHaveLength(1);
  });
});
