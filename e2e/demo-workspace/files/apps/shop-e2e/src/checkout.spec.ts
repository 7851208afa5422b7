import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request, fill, order } = shopper();

test('an order arrives after three working days', async () => {
  const { json } = await order(await fill({ 'green-tea': 2 }));
  expect(json).toMatchObject({ total: '27.97 EUR', arrives: '2026-03-11' });
  expect((await request(`GET /orders/${json.number}`)).json.arrives).toBe('2026-03-11');
});

test('every order has its number', async () => {
  const cart = await fill({ 'black-tea': 1 });
  const [first, second] = [await order(cart), await order(cart)];
  expect(second.json.number).not.toBe(first.json.number);
});
