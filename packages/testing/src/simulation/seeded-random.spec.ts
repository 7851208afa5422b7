import { seededRandom } from './seeded-random';

describe('seeded random', () => {
  it('gives the same numbers for the same seed and others for another', () => {
    const numbers = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, () => random.int(0, 1_000_000));
    };
    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
  });

  it('stays within its bounds and reaches both', () => {
    const random = seededRandom(3);
    const seen = new Set(Array.from({ length: 200 }, () => random.int(2, 4)));
    expect([...seen].sort()).toEqual([2, 3, 4]);
  });

  it('gives a fork its own numbers', () => {
    const random = seededRandom(4);
    const fork = random.fork();
    expect(fork.next()).not.toBe(random.next());
  });
});
