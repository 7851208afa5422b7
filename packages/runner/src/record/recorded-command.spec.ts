import { hideSecrets } from '@org/dte-config';
import { adviceAfter, environmentOf } from './recorded-command';

describe('a recorded command', () => {
  const { DTE_SECRET: before } = process.env;
  let putBack: () => void;
  beforeEach(() => {
    process.env['DTE_SECRET'] = 'a secret of this spec';
    putBack = hideSecrets();
  });
  afterEach(() => {
    putBack();
    if (before === undefined) delete process.env['DTE_SECRET'];
    else process.env['DTE_SECRET'] = before;
  });
  const secretOf = (words: string[]): string | undefined => environmentOf(words)['DTE_SECRET'];

  it.each([
    ['nx', 'affected', '-t', 'lint'],
    ['npx', 'nx@22', 'run', 'app:lint'],
    ['npm', 'run', 'lint'],
    ['npm.cmd', 'run', 'lint'],
    ['pnpm', 'lint'],
    ['yarn', 'affected'],
    ['bun', 'run', 'lint'],
    ['/usr/bin/npm', 'test'],
    ['node', 'node_modules/nx/bin/nx.js', 'run', 'app:lint'],
    ['node', 'tools/run-nx.mjs'],
    ['node_modules/.bin/nx', 'lint'],
    ['node_modules\\.bin\\nx', 'lint'],
    ['node_modules\\.bin\\nx.cmd', 'lint'],
    ['cd app && npm run lint; echo done'],
    ['sh', '-c', '(nx run app:lint)'],
    ['dte', 'status'],
  ])('that starts nx is told who this job is: %s %s', (...words) => {
    expect(secretOf(words)).toBe('a secret of this spec');
  });

  it.each([
    ['echo', 'done'],
    ['node', 'tools/check.mjs'],
    ['./lynx', 'page'],
    ['nginx', '-t'],
    ['cat', 'nx.json'],
    ['make', 'lint'],
  ])('that starts none is not: %s %s', (...words) => {
    expect(secretOf(words)).toBeUndefined();
  });
});

describe('a recorded command that failed', () => {
  const check = ['nx', 'format:check', '--base=a', '--head=b'];

  it('is explained if it says nothing but the names of files', () => {
    expect(adviceAfter(check, 1)).toContain('`npx nx format:write`');
    expect(adviceAfter(['npx nx format:check && make'], 1)).toContain('not formatted');
  });

  it('is left alone if it speaks for itself, or was not the check', () => {
    expect(adviceAfter(check, 0)).toBeNull();
    // Nx itself could not start, or was killed.
    expect(adviceAfter(check, 127)).toBeNull();
    expect(adviceAfter(['nx', 'lint'], 1)).toBeNull();
  });
});
