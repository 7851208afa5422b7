import { RefusalBook } from './refusals';

const refusal = (name: string, message = 'no') => ({
  name,
  reason: { code: 'DTE_BAD_SECRET' as const, message },
});

describe('RefusalBook', () => {
  it('takes a client that comes again and again as one', () => {
    const book = new RefusalBook();
    expect(book.add('s1', refusal('a', 'first'))).toBe(true);
    expect(book.add('s1', refusal('a', 'second'))).toBe(false);
    expect(book.of('s1')).toEqual([refusal('a', 'first')]);
    expect(book.of('s2')).toEqual([]);
  });

  it('lists no more than a hundred of a session', () => {
    const book = new RefusalBook();
    const news = Array.from({ length: 150 }, (_, index) => book.add('s1', refusal(`agent ${index}`)));
    expect(news.filter(Boolean)).toHaveLength(100);
    expect(book.of('s1')).toHaveLength(100);
  });

  it('forgets the oldest of a thousand sessions', () => {
    const book = new RefusalBook();
    for (let index = 0; index <= 1_000; index++) book.add(`s${index}`, refusal('a'));
    expect(book.of('s0')).toEqual([]);
    expect(book.of('s1000')).toHaveLength(1);
  });
});
