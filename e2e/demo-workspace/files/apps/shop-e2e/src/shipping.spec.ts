import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request } = shopper();

test.each([
  ['standard', 200, '5.70 EUR', '2026-03-11'],
  ['standard', 1000, '5.70 EUR', '2026-03-11'],
  ['standard', 1001, '6.50 EUR', '2026-03-11'],
  ['standard', 5000, '8.90 EUR', '2026-03-11'],
  ['express', 200, '11.40 EUR', '2026-03-09'],
  ['express', 1000, '11.40 EUR', '2026-03-09'],
  ['express', 1001, '12.90 EUR', '2026-03-09'],
  ['express', 5000, '17.40 EUR', '2026-03-09'],
])('%s, %d g: %s, arrives on %s', async (speed, grams, cost, arrives) => {
  const { json } = await request(`GET /shipping/${speed}?grams=${grams}&day=2026-03-06`);
  expect(json).toEqual({ cost, arrives });
});

test('no express in the catalogue', async () => {
  expect((await request('GET /products/express')).status).toBe(404);
});
