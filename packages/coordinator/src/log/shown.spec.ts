import { readLimits } from '@org/dte-protocol';
import { changedLimits, shownCommand, shownReason } from './shown';

describe('shownCommand', () => {
  it.each([
    ['nx affected -t lint,test --parallel=2 --base=abc', 'nx affected -t lint,test --parallel=2 --base=abc'],
    ['nx run app:deploy --token=s3cret --verbose', 'nx run app:deploy --token=… --verbose'],
    ['nx run app:deploy --token s3cret -t build', 'nx run app:deploy --token … -t build'],
    ['nx run app:deploy --token=a=b', 'nx run app:deploy --token=…'],
  ])('%s', (command, shown) => expect(shownCommand(command)).toBe(shown));

  it('is cut', () => expect(shownCommand('x'.repeat(5_000))).toHaveLength(500));
});

describe('shownReason', () => {
  it('is the first line, because terminal output follows it', () => {
    const message = 'The executor process of app:build died. Its last lines:\nTOKEN=s3cret';
    expect(shownReason({ code: 'DTE_EXECUTOR_CRASHED', message })).toEqual({
      code: 'DTE_EXECUTOR_CRASHED',
      reason: 'The executor process of app:build died. Its last lines:',
    });
  });

  it('is only the code if the message quotes process output', () => {
    expect(shownReason({ code: 'DTE_NX_FAILED', message: 'Nx: s3cret' })).toEqual({ code: 'DTE_NX_FAILED' });
  });
});

describe('changedLimits', () => {
  it('are those that were set', () => {
    const { limits } = readLimits({ DTE_LEASE_MS: '12345' });
    expect(changedLimits(limits)).toEqual({ leaseMs: 12_345 });
  });
});
