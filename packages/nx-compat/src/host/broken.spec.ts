import { brokenBy } from './broken';

it.each([
  new Error('Cache output is outside the workspace'),
  new Error('Unable to resolve no-such-package:build.\nCannot find module'),
  'a text',
  undefined,
  Object.assign(new Error('spawn tsc ENOENT'), { code: 'ENOENT' }),
])('takes %s for a refusal that every machine repeats', (error) => {
  expect(brokenBy(error).byMachine).toBe(false);
});

it.each([
  Object.assign(new Error('write'), { code: 'ENOSPC' }),
  new Error('No space left on device (os error 28)'),
  new Error('IO error: Too many open files (os error 24)'),
  new Error('Nx failed', { cause: new Error('database is locked') }),
  new Error('spawn /bin/sh EAGAIN'),
])('takes %s for trouble of the machine, which another one may not have', (error) => {
  expect(brokenBy(error).byMachine).toBe(true);
});

it('says what was said, and not where in the code', () => {
  expect(brokenBy(new Error('Cache output is outside the workspace')).why).toBe(
    'Cache output is outside the workspace',
  );
});
