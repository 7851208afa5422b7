import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request, fill, order } = shopper();

test.each(['4000000000000000', '5555000000000000', '3700000000000000'])(
  'the card %s is declined',
  async (card) => {
    expect((await order(await fill({ 'jasmine-tea': 1 }), { card })).status).toBe(402);
  },
);

test('a declined order does not exist', async () => {
  expect((await request('GET /orders/2026-1')).status).toBe(404);
});
