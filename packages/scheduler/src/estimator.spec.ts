import { tableEstimator, unitEstimator } from './estimator';

const task = { id: 'app:build', project: 'app', target: 'build' };

describe('estimators', () => {
  it('give every task the same weight when nothing is known', () => {
    expect(unitEstimator.weightOf(task)).toBe(1);
  });

  it('prefer what is known of the task to what is known of the target', () => {
    expect(tableEstimator({ 'app:build': 700, build: 300 }).weightOf(task)).toBe(700);
    expect(tableEstimator({ 'lib:build': 700, build: 300 }).weightOf(task)).toBe(300);
  });

  it('fall back when the table has nothing or nonsense', () => {
    expect(tableEstimator({ 'app:build': -1, build: NaN }, 50).weightOf(task)).toBe(50);
    expect(tableEstimator({}).weightOf(task)).toBe(1);
  });
});
