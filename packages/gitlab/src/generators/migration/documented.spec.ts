import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rewriteCommands } from './commands';
import { fateOf } from './environment';

/** Each command names its launcher, so that this one is not used. */
const NPX = { run: 'npx', startFlags: [] } as unknown as Parameters<typeof rewriteCommands>[1];

const page = readFileSync(join(__dirname, '../../../../../docs/how-to/migrate.md'), 'utf8');
const sourceOf = (file: string): string => readFileSync(join(__dirname, file), 'utf8');

/** Rows of the section's table: the code in the first cell, and the second cell. */
function rowsOf(section: string): [names: string[], after: string][] {
  const [, text = ''] = page.split(`\n## ${section}\n`);
  const table = text.split('\n## ')[0] ?? '';
  return [...table.matchAll(/^\| (`.+?) +\| (.+?) +\|$/gm)].map(([, before = '', after = '']) => [
    [...before.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
    after,
  ]);
}

/** What the second cell promises: the code at its beginning, or null if the row says that it is removed. */
const promiseOf = (after: string): string | null => /^`([^`]+)`/.exec(after)?.[1] ?? null;

const cases = (section: string): [before: string, after: string][] =>
  rowsOf(section).flatMap(([names, after]) => names.map((name): [string, string] => [name, after]));

describe('docs/how-to/migrate.md', () => {
  it.each(cases('Commands'))('the command %s: %s', (before, after) => {
    const promise = promiseOf(after);
    expect(rewriteCommands(`npx ${before}`, NPX).text).toBe(promise === null ? 'true' : `npx ${promise}`);
  });

  it.each(cases('Flags'))('the flag %s: %s', (before, after) => {
    const { text, rewrites } = rewriteCommands(`npx nx-cloud start-ci-run ${before}`, NPX);
    const promise = promiseOf(after);
    const expected = promise === null || promise === '--distribute-on=manual' ? [] : [promise];
    expect(text.split(' ').slice(3)).toEqual(['--distribute-on=manual', ...expected]);
    expect(rewrites[0]?.notes.join(' ')).not.toContain('no such flag');
  });

  it.each(cases('Variables').filter(([name]) => !name.includes('*')))(
    'the variable %s: %s',
    (name, after) => {
      expect(fateOf(name)?.to).toBe(promiseOf(after));
    },
  );

  it('lists every command, flag and variable that the generator knows', () => {
    const documented = ['Commands', 'Flags', 'Variables'].flatMap((section) =>
      cases(section).map(([name]) => name),
    );
    const known = [
      ...sourceOf('flags.ts').matchAll(/^ {2}'(--[\w-]+)':/gm),
      ...sourceOf('environment.ts').matchAll(/^ {2}(NX_\w+):/gm),
      ...sourceOf('commands.ts').matchAll(/^ {2}'?([a-z]+(?:-[a-z]+)*)'?: '/gm),
    ].map(([, name = '']) => name);

    expect(known.length).toBeGreaterThan(25);
    expect(
      known.filter((name) => !documented.some((one) => one.replace('nx-cloud ', '').split('=')[0] === name)),
    ).toEqual([]);
  });
});
