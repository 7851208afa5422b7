import { LiveText } from './live-text';

describe('LiveText', () => {
  let text: LiveText;
  beforeEach(() => (text = new LiveText()));

  it('prints contiguous pieces as they come and nothing at the end', () => {
    expect([text.accept(1, 0, 'ab'), text.accept(1, 2, 'cd')]).toEqual(['ab', 'cd']);
    expect(text.rest(1, 'abcd')).toBe('');
  });

  it('prints only what is new of a piece that overlaps or comes twice', () => {
    text.accept(1, 0, 'abcd');
    expect(text.accept(1, 2, 'cdef')).toBe('ef');
    expect(text.accept(1, 0, 'ab')).toBe('');
  });

  it('holds pieces back after a gap and prints the rest from the whole output', () => {
    text.accept(1, 0, 'ab');
    expect(text.accept(1, 4, 'ef')).toBe('');
    expect(text.rest(1, 'abcdef')).toBe('cdef');
  });

  it('begins anew with another attempt and ignores the old one', () => {
    text.accept(1, 0, 'old');
    expect(text.accept(2, 0, 'new')).toBe('new');
    expect(text.accept(1, 3, '!')).toBe('');
    expect(text.rest(2, 'new!')).toBe('!');
  });

  it('prints the whole output when the accepted attempt is not the one that was seen', () => {
    text.accept(1, 0, 'old');
    expect(text.rest(2, 'new')).toBe('new');
  });

  it('prints the whole output when live pieces were not its beginning', () => {
    text.accept(1, 0, 'abc');
    expect(text.rest(1, 'xyz and more')).toBe('xyz and more');
    expect(text.rest(1, 'ab')).toBe('ab');
  });

  it('prints the whole output when nothing came live', () => {
    expect(text.rest(1, 'all')).toBe('all');
  });
});
