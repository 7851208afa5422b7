import { LIMITS, readLimits } from './limits';

describe('readLimits', () => {
  it('returns the defaults for an empty environment', () => {
    const { limits, invalid } = readLimits({});
    expect(invalid).toEqual([]);
    for (const [name, { value }] of Object.entries(LIMITS)) expect(limits).toHaveProperty(name, value);
  });

  it('takes a value from the environment', () => {
    expect(readLimits({ DTE_LEASE_MS: '1500' }).limits).toMatchObject({ leaseMs: 1500, heartbeatMs: 5000 });
  });

  it('treats an empty variable as not set', () => {
    expect(readLimits({ DTE_LEASE_MS: '' })).toMatchObject({ limits: { leaseMs: 30_000 }, invalid: [] });
  });

  it.each(['0', '-1', '1.5', '1e3', '30s', ' 30', '9'.repeat(16)])(
    'keeps the default and reports %j',
    (value) => {
      expect(readLimits({ DTE_LEASE_MS: value })).toMatchObject({
        limits: { leaseMs: 30_000 },
        invalid: [{ env: 'DTE_LEASE_MS', value }],
      });
    },
  );
});

describe('LIMITS', () => {
  it('are positive integers with a reason', () => {
    for (const { value, why } of Object.values(LIMITS)) {
      expect(Number.isSafeInteger(value) && value > 0).toBe(true);
      expect(why).toMatch(/\.$/);
    }
  });

  it('use each variable only once, and only DTE_ variables', () => {
    const variables = Object.values(LIMITS).flatMap(({ env }) => env ?? []);
    expect(new Set(variables).size).toBe(variables.length);
    for (const variable of variables) expect(variable).toMatch(/^DTE_[A-Z_]+$/);
  });

  it('fit several heartbeats into a lease, and a lease into the grace period of a main job', () => {
    expect(LIMITS.heartbeatMs.value * 3).toBeLessThanOrEqual(LIMITS.leaseMs.value);
    expect(LIMITS.leaseMs.value).toBeLessThanOrEqual(LIMITS.mainLostMs.value);
  });
});
