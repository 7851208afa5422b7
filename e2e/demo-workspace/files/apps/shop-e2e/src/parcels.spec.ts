import { expect, test } from '@jest/globals';
import { app } from './support/app';

const request = app('backoffice');

test.each([
  ['2026-03-03', 1],
  ['2026-03-23', 1],
  ['2026-04-02', 1],
  ['2026-04-17', 1],
  ['2026-05-05', 1],
  ['2026-03-01', 0],
  ['2026-03-08', 0],
  ['2026-04-03', 0],
  ['2026-12-24', 0],
])('on %s, %d arrive', async (day, count) => {
  expect((await request(`GET /parcels?day=${day}`)).json).toHaveLength(count);
});
