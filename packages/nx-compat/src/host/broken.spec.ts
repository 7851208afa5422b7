import { brokenBy } from './broken';

it.each([
  new Error('Cache output is outside the workspace'),
  new Error('Unable to resolve no-such-package:build.\nCannot find module'),
  'a text',
  undefined,
  Object.assign(new Error('spawn tsc ENOENT'), { code: 'ENOENT' }),
])('treats %s as an error that every machine would have', (error) => {
  expect(brokenBy(error).byMachine).toBe(false);
});

it.each([
  Object.assign(new Error('write'), { code: 'ENOSPC' }),
  new Error('No space left on device (os error 28)'),
  new Error('IO error: Too many open files (os error 24)'),
  new Error('Nx failed', { cause: new Error('database is locked') }),
  new Error('spawn /bin/sh EAGAIN'),
])('treats %s as an error of this machine, which another one may not have', (error) => {
  expect(brokenBy(error).byMachine).toBe(true);
});

it('reports the message without the stack', () => {
  expect(brokenBy(new Error('Cache output is outside the workspace')).why).toBe(
    'Cache output is outside the workspace',
  );
});
