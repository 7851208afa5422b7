import { duration, moment } from './words';

describe('duration', () => {
  it.each([
    [400, '0 s'],
    [42_000, '42 s'],
    [95_000, '1 min 35 s'],
    [3_720_000, '1 h 2 min'],
  ])('shows %d ms as %s', (ms, text) => expect(duration(ms)).toBe(text));
});

describe('moment', () => {
  it.each([
    [0, '1970-01-01T00:00:00.000Z'],
    [8_640_000_000_000_000, '+275760-09-13T00:00:00.000Z'],
    [8_640_000_000_000_001, '8640000000000001 ms after 1970'],
    [-1e300, '-1e+300 ms after 1970'],
    [NaN, 'NaN ms after 1970'],
  ])('shows %d as %s', (ms, text) => expect(moment(ms)).toBe(text));
});
