import { durationEstimator, type DurationSources } from './estimator';

describe('the expected duration of a task', () => {
  const expected = (id: string, sources: Partial<DurationSources> = {}) => {
    const [project = '', target = ''] = id.split(':');
    return durationEstimator({ weights: {}, ...sources }).of({ id, project, target });
  };
  const ms = (id: string, weights: Record<string, number> = {}): number => expected(id, { weights }).ms;

  it('is what the workspace says, the most specific first', () => {
    const weights = { 'app:build': 90_000, build: 5_000 };
    expect(expected('app:build', { weights })).toEqual({ ms: 90_000, from: 'option' });
    expect(ms('lib:build', weights)).toBe(5_000);
  });

  it('is what was measured, then what Nx remembers', () => {
    const learnt = ({ project }: { project: string }) => (project === 'app' ? 3_000 : null);
    const nx = new Map([
      ['app:build', 1_000],
      ['lib:build', 2_000],
    ]);
    expect(expected('app:build', { learnt, nx })).toEqual({ ms: 3_000, from: 'history' });
    expect(expected('lib:build', { learnt, nx })).toEqual({ ms: 2_000, from: 'nx' });
    expect(expected('app:build', { weights: { build: 5_000 }, learnt, nx })).toMatchObject({
      from: 'option',
    });
  });

  it('is typical of the target, also for the parts of a split target, where nothing else is known', () => {
    expect(ms('app:lint')).toBeLessThan(ms('app:e2e-ci'));
    expect(ms('app:e2e-ci--src/cart.cy.ts')).toBe(ms('app:e2e-ci'));
    expect(ms('app:e2e-ci--src/cart.cy.ts', { 'e2e-ci': 7 })).toBe(7);
    expect(expected('app:deploy')).toMatchObject({ from: 'usual' });
  });

  it('is a number for targets whose names JavaScript objects have as well', () => {
    expect(expected('app:constructor')).toEqual(expected('app:deploy'));
  });
});
