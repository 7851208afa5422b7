import fc from 'fast-check';
import { hunksOf, undoHunks } from './hunks';

const lines = fc
  .array(fc.constantFrom('a\n', 'b\n', 'c\n', 'd\r\n', '\n'), { maxLength: 12 })
  .chain((all) => fc.constantFrom('', 'end').map((tail) => all.join('') + tail));

describe('undoing the edit of a file', () => {
  it('restores the file byte for byte when nobody has changed it', () => {
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        expect(undoHunks(after, hunksOf(before, after))).toEqual({ text: before, lost: [] });
      }),
    );
  });

  it('restores lines although others were added elsewhere', () => {
    const before = 'one\nvendor\ntwo\nthree\n';
    const after = 'one\nours\ntwo\n';
    expect(undoHunks(`new\n${after}`, hunksOf(before, after)).text).toBe(`new\n${before}`);
  });

  it('reports which lines it could not restore because the inserted lines were changed', () => {
    const hunks = hunksOf('a\nvendor\nb\n', 'a\nours\nb\n');
    expect(undoHunks('a\nours, changed\nb\n', hunks)).toEqual({
      text: 'a\nours, changed\nb\n',
      lost: [{ line: 2, before: 'a\n', now: ['ours\n'], was: ['vendor\n'] }],
    });
  });

  it('distinguishes equal lines by the line before them', () => {
    const before = 'a:\n  x\nb:\n  x\n';
    const after = 'a:\n  ours\n  x\nb:\n  ours\n  x\n';
    expect(undoHunks(`new\n${after}`, hunksOf(before, after))).toEqual({ text: `new\n${before}`, lost: [] });
  });

  it('does not guess when the inserted lines are in several places', () => {
    const hunks = hunksOf('a\nvendor\nb\n', 'a\nours\nb\n');
    expect(undoHunks('x\nours\nx\nours\n', hunks).lost).toHaveLength(1);
  });
});
