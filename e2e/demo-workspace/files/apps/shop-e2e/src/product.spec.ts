import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request } = shopper();

test.each(['green-tea', 'black-tea', 'jasmine-tea', 'cast-iron-teapot'])(
  'shows the price of %s, and the same again',
  async (product) => {
    const first = await request(`GET /products/${product}`);
    expect(first.json.price.amount).toBeGreaterThan(0);
    expect((await request(`GET /products/${product}`)).json).toEqual(first.json);
  },
);

test('shows a page for everything in the list', async () => {
  const { json } = await request('GET /products');
  expect(json).toHaveLength(4);
  for (const product of json) expect((await request(`GET /products/${product}`)).status).toBe(200);
});
