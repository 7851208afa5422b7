import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request, fill, order } = shopper();

test('an empty cart cannot be ordered', async () => {
  expect((await order(await fill({}))).status).toBe(409);
});

test('a cart that there is not cannot be ordered', async () => {
  expect((await order('9')).status).toBe(404);
});

test('after a refusal, the cart is as before', async () => {
  const cart = await fill({});
  await order(cart);
  await request(`PUT /carts/${cart}/lines/green-tea`, { quantity: 1 });
  expect((await request(`GET /carts/${cart}`)).json.lines).toBe(1);
});
