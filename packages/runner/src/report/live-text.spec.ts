import { LiveText } from './live-text';

describe('LiveText', () => {
  let text: LiveText;
  beforeEach(() => (text = new LiveText()));

  it('prints contiguous pieces as they arrive and nothing at the end', () => {
    expect([
      text.accept({ attempt: 1, offset: 0, data: 'ab' }),
      text.accept({ attempt: 1, offset: 2, data: 'cd' }),
    ]).toEqual(['ab', 'cd']);
    expect(text.rest(1, 'abcd')).toBe('');
  });

  it('prints only what is new of a piece that overlaps or arrives twice', () => {
    text.accept({ attempt: 1, offset: 0, data: 'abcd' });
    expect(text.accept({ attempt: 1, offset: 2, data: 'cdef' })).toBe('ef');
    expect(text.accept({ attempt: 1, offset: 0, data: 'ab' })).toBe('');
  });

  it('holds pieces back after a gap and prints the rest from the whole output', () => {
    text.accept({ attempt: 1, offset: 0, data: 'ab' });
    expect(text.accept({ attempt: 1, offset: 4, data: 'ef' })).toBe('');
    expect(text.rest(1, 'abcdef')).toBe('cdef');
  });

  it('starts again with another attempt and ignores the old one', () => {
    text.accept({ attempt: 1, offset: 0, data: 'old' });
    expect(text.accept({ attempt: 2, offset: 0, data: 'new' })).toBe('new');
    expect(text.accept({ attempt: 1, offset: 3, data: '!' })).toBe('');
    expect(text.rest(2, 'new!')).toBe('!');
  });

  it('prints the whole output when the accepted attempt is not the one that was shown', () => {
    text.accept({ attempt: 1, offset: 0, data: 'old' });
    expect(text.rest(2, 'new')).toBe('new');
  });

  it('prints the whole output when live pieces were not its beginning', () => {
    text.accept({ attempt: 1, offset: 0, data: 'abc' });
    expect(text.rest(1, 'xyz and more')).toBe('xyz and more');
    expect(text.rest(1, 'ab')).toBe('ab');
  });

  it('prints nothing more when all pieces arrived, whatever Nx has added to the stored output', () => {
    text.accept({ attempt: 1, offset: 0, data: 'said' });
    text.accept({ attempt: 1, offset: 4, data: '', last: true });
    expect(text.rest(1, '> command\nsaid\nWarning: exited with 3')).toBe('');
  });

  it('does not assume that all pieces arrived when one is missing before the last', () => {
    text.accept({ attempt: 1, offset: 0, data: 'sa' });
    text.accept({ attempt: 1, offset: 4, data: '', last: true });
    expect(text.rest(1, 'said')).toBe('id');
  });

  it('prints the whole output when no live output arrived', () => {
    expect(text.rest(1, 'all')).toBe('all');
  });

  it.each([
    ['all of it was printed', [{ attempt: 1, offset: 0, data: 'said', last: true as const }], '\nnote\n'],
    ['its end is still to come', [{ attempt: 1, offset: 0, data: 'sa' }], 'id\nnote\n'],
    ['nothing came live', [], 'said\nnote\n'],
  ])('prints a note on a separate line when %s', (_when, pieces, printed) => {
    pieces.forEach((piece) => text.accept(piece));
    expect(text.rest(1, 'said', 'note\n')).toBe(printed);
  });

  it('starts no new line for a note at the start of a line', () => {
    text.accept({ attempt: 1, offset: 0, data: 'said\n', last: true });
    expect(text.rest(1, 'said\n', 'note\n')).toBe('note\n');
  });

  it('prints when an output starts again that was shown before', () => {
    text.accept({ attempt: 1, offset: 0, data: 'old' });
    expect(text.startsOver).toBe(false);
    text.accept({ attempt: 2, offset: 0, data: 'new' });
    expect(text.startsOver).toBe(true);
    text.accept({ attempt: 2, offset: 3, data: '!' });
    expect(text.startsOver).toBe(false);
    text.rest(2, 'new!?');
    expect(text.startsOver).toBe(false);
    text.rest(2, 'quite another');
    expect(text.startsOver).toBe(true);
  });
});
