import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request, fill } = shopper();

test('two visitors do not share a cart', async () => {
  const [one, other] = [await fill({ 'green-tea': 1 }), await fill({ 'black-tea': 3 })];
  expect((await request(`GET /carts/${one}`)).json.total).toBe('8.90 EUR');
  expect((await request(`GET /carts/${other}`)).json.total).toBe('22.50 EUR');
  await request(`PUT /carts/${one}/lines/cast-iron-teapot`, { quantity: 1 });
  expect((await request(`GET /carts/${one}`)).json.total).toBe('57.90 EUR');
  expect((await request(`GET /carts/${other}`)).json.total).toBe('22.50 EUR');
});

test.each(['7', '0', 'one', '-1', '1e3'])('there is no cart %s', async (cart) => {
  expect((await request(`GET /carts/${cart}`)).status).toBe(404);
});
