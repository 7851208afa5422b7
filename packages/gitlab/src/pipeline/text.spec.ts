import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { parse } from 'yaml';
import { list, scalar, word } from './text';

describe('scalar', () => {
  it.each(['1.1', '1.2'] as const)('parses as the same text in YAML %s, for any text', (version) => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(parse(`key: ${scalar(text)}\n`, { version })).toEqual({ key: text });
        expect(parse(list('key', [text]).join('\n'), { version })).toEqual({ key: [text] });
      }),
    );
  });

  it.each([
    'yes',
    'off',
    'null',
    '~',
    '0',
    '1e3',
    '12:30',
    '2024-01-01',
    '.inf',
    '**/dist',
    '',
    'a: b',
    'a #b',
    'a:',
  ])('quotes %j, which would have another meaning', (text) => {
    expect(scalar(text)).toBe(JSON.stringify(text));
    expect(parse(scalar(text), { version: '1.1' })).toBe(text);
  });

  it.each([
    'node:22',
    'dist',
    './dist',
    '.yarn/cache/',
    '$CI_COMMIT_BRANCH == "main"',
    'run() { npx "$@"; }',
  ])('does not quote %j', (text) => {
    expect(scalar(text)).toBe(text);
    expect(parse(scalar(text), { version: '1.1' })).toBe(text);
  });
});

describe('word', () => {
  it('does not quote targets', () =>
    expect(word('lint,test,e2e-ci--src/a.cy.ts')).toBe('lint,test,e2e-ci--src/a.cy.ts'));

  it.each(['a b', '$HOME', "it's", 'a;b', '`id`', ''])('reaches the program as %j', (text) => {
    expect(execFileSync('sh', ['-c', `printf %s ${word(text)}`], { encoding: 'utf8' })).toBe(text);
  });
});
