import { DteError } from '@org/dte-protocol';
import { codeOfFetch } from './nx-reader';

const coded = (code: string): Error => Object.assign(new Error(`${code}: write`), { code });

describe('why cached outputs could not be put in place', () => {
  it.each([
    ['of our own reader', new DteError('DTE_ARTIFACT_DAMAGED', 'It is damaged.'), 'DTE_ARTIFACT_DAMAGED'],
    ["of Nx's native code without room", new Error('No space left on device (os error 28)'), 'DTE_DISK_FULL'],
    ['of Node without room', coded('ENOSPC'), 'DTE_DISK_FULL'],
    ['of Node beyond a quota', coded('EDQUOT'), 'DTE_DISK_FULL'],
    ['of anything else', new Error('socket hang up'), 'DTE_ARTIFACT_MISSING'],
  ])('an error %s', (_, error, code) => {
    expect(codeOfFetch(error)).toBe(code);
  });
});
