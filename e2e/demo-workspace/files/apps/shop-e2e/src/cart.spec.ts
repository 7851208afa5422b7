import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request, fill } = shopper();

test('adds up what is in it', async () => {
  const cart = await fill({ 'green-tea': 2, 'black-tea': 1 });
  expect((await request(`GET /carts/${cart}`)).json).toMatchObject({
    lines: 2,
    total: '25.30 EUR',
    weightGrams: 750,
  });
});

test('adds to what is in it', async () => {
  const cart = await fill({ 'jasmine-tea': 1 });
  for (let count = 2; count <= 5; count++) {
    const { json } = await request(`PUT /carts/${cart}/lines/jasmine-tea`, { quantity: 1 });
    expect(json).toMatchObject({ lines: 1, weightGrams: count * 100 });
  }
});

test('takes no product that there is not', async () => {
  const cart = await fill({});
  expect((await request(`PUT /carts/${cart}/lines/coffee`, { quantity: 1 })).status).toBe(404);
});
