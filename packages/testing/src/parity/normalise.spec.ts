import { normalise } from './normalise';

describe('normalised output', () => {
  it('has no times, process ids and machine-specific folders, and keeps everything else', () => {
    const text =
      '/m/one/workspace/a.ts built in 1.25s at 2026-01-02T03:04:05.678Z (node:123) x /m/one/home 17 files';

    expect(normalise(text, { '/m/one': '<machine>', '/m/one/workspace': '<workspace>' })).toBe(
      '<workspace>/a.ts built in <time> at <time> (node:<pid>) x <machine>/home 17 files',
    );
  });

  it('keeps colours, and finds times between them', () => {
    expect(normalise('\u001b[36mbuilt\u001b[39m in \u001b[1m1.5\u001b[22ms, <1ms', {})).toBe(
      '\u001b[36mbuilt\u001b[39m in \u001b[1m<time>\u001b[22m, <time>',
    );
  });

  it('applies replacements of the caller first', () => {
    expect(normalise('on agent-2 in 3 ms', {}, [[/agent-\d/, '<machine>']])).toBe('on <machine> in <time>');
  });
});
