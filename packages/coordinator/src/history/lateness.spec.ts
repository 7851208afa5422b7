import { lateMsOf } from './lateness';
import { withDuration } from './duration-entry';
import { took } from './test-support/durations.contract';

type Entry = ReturnType<typeof withDuration>;

const of = (...runs: number[]): Entry =>
  runs
    .slice(1)
    .reduce(
      (entry, runMs) => withDuration(entry, took('app:build', runMs)),
      withDuration(null, took('app:build', runs[0] ?? 1)),
    );

/** A sample with mean 0 and spread 1, scaled to a log-normal task of about a minute. Any seed. */
function logNormal(count: number, spread: number, seed: number): number[] {
  let state = seed;
  const uniform = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (state + 1) / 2_147_483_649;
  };
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    return Math.round(Math.exp(Math.log(60_000) + spread * normal));
  });
}

describe('when a task runs for longer than usual', () => {
  it('is not known from one or two results', () => {
    expect([lateMsOf([of(60_000)]), lateMsOf([of(60_000, 61_000)]), lateMsOf([])]).toEqual([
      null,
      null,
      null,
    ]);
  });

  it('is longer after than the usual, and by at least five seconds', () => {
    expect(lateMsOf([of(1_000, 1_000, 1_000, 1_000)])).toBe(6_000);
    const late = lateMsOf([of(600_000, 600_000, 600_000, 600_000, 600_000, 600_000)]) ?? 0;
    expect(late).toBeGreaterThan(600_000 * 1.3);
    expect(late).toBeLessThan(600_000 * 1.6);
  });

  it('is later the more the task varies, and the less is known of it', () => {
    const regular = lateMsOf([of(60_000, 62_000, 58_000, 60_000)]) ?? 0;
    const varying = lateMsOf([of(30_000, 120_000, 30_000, 120_000)]) ?? 0;
    const little = lateMsOf([of(30_000, 120_000, 60_000)]) ?? 0;
    expect(regular).toBeLessThan(100_000);
    expect(varying).toBeGreaterThan(120_000);
    expect(little).toBeGreaterThan(varying);
  });

  it.each([3, 4, 6, 12, 40])('is exceeded by about a twentieth of all runs after %d results', (known) => {
    let late = 0;
    const trials = 1_000;
    for (let trial = 1; trial <= trials; trial++) {
      const runs = logNormal(known + 1, 0.4, trial * 7_919);
      const next = runs.pop() ?? 0;
      if (next > (lateMsOf([of(...runs)]) ?? 0)) late += 1;
    }
    // 5%; the weights of the latest results make it a little more.
    expect(late / trials).toBeGreaterThan(0.02);
    expect(late / trials).toBeLessThan(0.08);
  });

  it('takes in that agents differ if it is not known which one will run it', () => {
    const fast = of(30_000, 30_000, 30_000, 30_000);
    const slow = { ...of(120_000, 120_000, 120_000, 120_000), agentClass: 'old' };
    expect(lateMsOf([fast]) ?? 0).toBeLessThan(60_000);
    expect(lateMsOf([fast, slow]) ?? 0).toBeGreaterThan(120_000);
  });
});
