import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request, fill, order } = shopper();

test.each([
  ['2026-03-05', '2026-03-06'],
  ['2026-03-06', '2026-03-09'],
])('an express order of %s arrives on %s', async (day, arrives) => {
  const { json } = await order(await fill({ 'green-tea': 1 }), { day, speed: 'express' });
  expect((await request(`GET /orders/${json.number}`)).json.arrives).toBe(arrives);
});

test('express costs more', async () => {
  const cart = await fill({ 'black-tea': 1 });
  expect((await order(cart, { speed: 'express' })).json.shipping.amount).toBe(1140);
});
