import { LineSplitter, linePrefix } from './line-prefix';

describe('linePrefix', () => {
  it('has no colour codes without colours', () => {
    expect(linePrefix(24, 'app', false)).toBe('app:');
  });

  it('uses red only on Nx 20', () => {
    // The characters of `b` sum up to 98, which is the ninth colour; those of `f` to 102, the third.
    expect(linePrefix(20, 'f', true)).toBe('\u001b[1m\u001b[31mf:\u001b[39m\u001b[22m');
    expect(linePrefix(21, 'f', true)).toBe('\u001b[1m\u001b[34mf:\u001b[39m\u001b[22m');
  });
});

describe('LineSplitter', () => {
  it('joins a line that arrived in two chunks and omits empty lines', () => {
    const lines = new LineSplitter();
    expect(lines.push('one\n\ntw')).toEqual(['one']);
    expect(lines.push('o\r')).toEqual([]);
    expect(lines.push('\nthree')).toEqual(['two']);
    expect(lines.end()).toEqual(['three']);
    expect(lines.end()).toEqual([]);
  });
});
