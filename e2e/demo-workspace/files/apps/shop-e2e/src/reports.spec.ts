import { expect, test } from '@jest/globals';
import { app } from './support/app';

const request = app('backoffice');

test.each([
  ['2026-03-01', '2026-03-31', 2],
  ['2026-04-01', '2026-04-30', 2],
  ['2026-05-01', '2026-05-31', 1],
  ['2026-01-01', '2026-12-31', 5],
  ['2026-03-02', '2026-03-02', 1],
  ['2026-03-03', '2026-03-19', 0],
  ['2026-03-31', '2026-03-01', 0],
])('from %s to %s: %d orders', async (from, to, orders) => {
  expect((await request(`GET /reports?from=${from}&to=${to}`)).json.orders).toBe(orders);
});

test.each(['2026-03', '2026-04', '2026-05', '2026-06', '2026-07', '2026-08'])(
  'the report of %s stays the same',
  async (month) => {
    const line = `GET /reports?from=${month}-01&to=${month}-31`;
    expect((await request(line)).json).toEqual((await request(line)).json);
  },
);
