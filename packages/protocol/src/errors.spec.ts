import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DteError, ERROR_CODE_LIST, ERROR_CODES, explain } from './errors';

const documentation = readFileSync(
  join(__dirname, '..', '..', '..', 'docs', 'reference', 'errors.md'),
  'utf8',
);

/** The text below each heading of the second level. */
const sections = new Map(
  documentation
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => {
      const [heading = '', ...rest] = section.split('\n');
      return [heading.trim(), rest.join('\n').trim()];
    }),
);

describe('docs/reference/errors.md', () => {
  it('has one section for each code, in the order of the list, and no other', () => {
    const headings = [...sections.keys()].filter((heading) => heading.startsWith('DTE_'));
    expect(headings).toEqual(ERROR_CODE_LIST);
  });

  it.each(ERROR_CODE_LIST)('says for %s what happened, why, and what to do', (code) => {
    const text = sections.get(code) ?? '';
    for (const part of ['**What happened.**', '**Why.**', '**What to do.**']) expect(text).toContain(part);
  });
});

describe('ERROR_CODES', () => {
  it.each(ERROR_CODE_LIST)('%s has a fix of one line', (code) => {
    expect(ERROR_CODES[code].cure).toMatch(/^[A-Z].*[.?]$/);
  });
});

describe('DteError', () => {
  it('explains itself in three lines: what happened, what to do, the code', () => {
    const error = new DteError('DTE_BAD_SECRET', 'The agent "a" has another secret.');
    expect(error.explain().split('\n')).toEqual([
      'The agent "a" has another secret.',
      `  What to do: ${error.cure}`,
      '  Code: DTE_BAD_SECRET (docs/reference/errors.md)',
    ]);
    expect(explain('DTE_BAD_SECRET', 'The agent "a" has another secret.')).toBe(error.explain());
  });

  it('returns a DteError unchanged', () => {
    const error = new DteError('DTE_TIMEOUT', 'late');
    expect(DteError.from(error)).toBe(error);
  });

  it('keeps the original value as its cause', () => {
    const cause = new Error('EPERM');
    expect(DteError.from(cause, 'DTE_DISK_FULL')).toMatchObject({
      code: 'DTE_DISK_FULL',
      message: 'EPERM',
      cause,
    });
    expect(DteError.from('text')).toMatchObject({ code: 'DTE_INTERNAL', message: 'text' });
  });
});
