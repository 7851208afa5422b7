import { FailedHandshakes } from './failed-handshakes';

describe('the answer to a failed handshake', () => {
  let nowMs: number;
  let failures: FailedHandshakes;
  beforeEach(() => {
    nowMs = 0;
    failures = new FailedHandshakes({ failedHandshakesPerMinute: 2, failedHandshakeMs: 5_000 }, () => nowMs);
  });
  const add = (address: string, times = 1): number[] =>
    Array.from({ length: times }, () => failures.add(address));

  it('is held back from the third of an address on, and of no other address', () => {
    expect(add('10.0.0.1', 4)).toEqual([0, 0, 5_000, 5_000]);
    expect(add('10.0.0.2')).toEqual([0]);
  });

  it('is held back for all addresses of one IPv6 network together', () => {
    expect([...add('2001:db8::1', 2), ...add('2001:db8::2')]).toEqual([0, 0, 5_000]);
  });

  it('is given at once again after a minute', () => {
    add('10.0.0.1', 3);
    nowMs = 60_000;
    expect(add('10.0.0.1')).toEqual([0]);
  });

  it('is remembered for a bounded number of addresses', () => {
    add('10.0.0.1', 2);
    for (let index = 0; index < 10_000; index++)
      add(`11.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
    expect(add('10.0.0.1')).toEqual([0]);
  });
});
