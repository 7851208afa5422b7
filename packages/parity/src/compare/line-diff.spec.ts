import { lineDiff } from './line-diff';

describe('lineDiff', () => {
  it('has only the lines that one of the texts has', () => {
    expect(lineDiff('a\nb\nc\nd\n', 'a\nx\nc\nd\ne\n', 10)).toEqual(['- b', '+ x', '+ e']);
    expect(lineDiff('a\n', 'a\n', 10)).toEqual([]);
  });

  it('is bounded, for texts of any length too', () => {
    const long = (mark: string): string =>
      Array.from({ length: 5_000 }, (_, index) => `${mark}${index}`).join('\n');
    expect(lineDiff(long('a'), long('b'), 2)).toEqual(['- a0', '- a1', '… 9998 more lines']);
  });
});
