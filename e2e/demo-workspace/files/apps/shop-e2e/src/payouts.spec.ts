import { expect, test } from '@jest/globals';
import { app } from './support/app';

const request = app('backoffice');

test.each([
  ['2026-03-01', 0],
  ['2026-03-02', 0],
  ['2026-03-03', 1],
  ['2026-04-01', 2],
  ['2026-05-01', 4],
  ['2026-06-01', 5],
])('before %s, %d orders are paid out', async (day, count) => {
  expect((await request(`GET /payouts/${day}`)).json).toBe(count);
});
