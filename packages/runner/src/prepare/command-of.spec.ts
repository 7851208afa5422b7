import { readParallel } from './command-of';

describe('readParallel', () => {
  it.each([
    [2, 2],
    ['4', 4],
    [true, 3],
    [undefined, 3],
    ['', 3],
    [false, 1],
    ['false', 1],
    [0, 1],
    [100_000, 256],
    ['many', 3],
  ])('reads --parallel=%j as %d', (value, expected) => expect(readParallel(value)).toBe(expected));
});
