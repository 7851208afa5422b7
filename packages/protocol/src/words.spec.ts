import { duration } from './words';

describe('duration', () => {
  it.each([
    [400, '0 s'],
    [42_000, '42 s'],
    [95_000, '1 min 35 s'],
    [3_720_000, '1 h 2 min'],
  ])('shows %d ms as %s', (ms, text) => expect(duration(ms)).toBe(text));
});
