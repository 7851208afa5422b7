import { uniformBackoff } from './backoff';

it('draws from windows that double up to the largest, and starts again after a reset', () => {
  const draws = [0, 1, 0, 1, 0.5, 0];
  const backoff = uniformBackoff(100, 1_000, () => draws.shift() ?? 0);
  expect(Array.from({ length: 5 }, () => backoff.nextMs())).toEqual([100, 400, 400, 1_000, 750]);
  backoff.reset();
  expect(backoff.nextMs()).toBe(100);
});

it('keeps its windows small in the first tries, and then doubles them', () => {
  const soon = { tries: 4, maxMs: 200 };
  const backoff = uniformBackoff(100, 1_000, () => 1, soon);
  const draw = (): number[] => Array.from({ length: 7 }, () => backoff.nextMs());
  expect(draw()).toEqual([200, 200, 200, 200, 400, 800, 1_000]);
  backoff.reset();
  expect(draw()).toEqual([200, 200, 200, 200, 400, 800, 1_000]);
});

it('draws from the same windows without first tries', () => {
  const backoff = uniformBackoff(100, 1_000, () => 1);
  expect(Array.from({ length: 4 }, () => backoff.nextMs())).toEqual([200, 400, 800, 1_000]);
});
