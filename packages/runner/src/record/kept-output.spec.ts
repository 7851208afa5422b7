import { KeptOutput } from './kept-output';

describe('KeptOutput', () => {
  const keep = (max: number, ...chunks: string[]): string => {
    const output = new KeptOutput(max);
    chunks.forEach((chunk) => output.add(Buffer.from(chunk)));
    return output.text();
  };

  it('keeps all of it if it fits', () => {
    expect(keep(100, 'ab', 'cd')).toBe('abcd');
  });

  it('keeps the end, reports that, and stays below the limit', () => {
    const text = keep(100, ...Array.from({ length: 50 }, (_, index) => `line ${index}\n`));
    expect(text).toMatch(/^dte: the beginning of this output is omitted\n[\s\S]*line 49\n$/);
    expect(text.length).toBeLessThanOrEqual(100);
  });

  it('cuts a single piece that is too long', () => {
    expect(keep(60, 'x'.repeat(500))).toHaveLength(60);
  });
});
