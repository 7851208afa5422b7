import { uniformBackoff } from './backoff';

it('draws from windows that double up to the largest, and starts again after a reset', () => {
  const draws = [0, 1, 0, 1, 0.5, 0];
  const backoff = uniformBackoff(100, 1_000, () => draws.shift() ?? 0);
  expect(Array.from({ length: 5 }, () => backoff.nextMs())).toEqual([100, 400, 400, 1_000, 750]);
  backoff.reset();
  expect(backoff.nextMs()).toBe(100);
});
