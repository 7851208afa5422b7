import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request } = shopper();

test.each([
  'coffee machine',
  'biscuits',
  'milk and sugar',
  'porcelain',
  'hot chocolate',
  'newspapers',
  'sandwich',
])('finds nothing by "%s"', async (query) => {
  const { json } = await request(`GET /search?q=${encodeURIComponent(query)}`);
  expect(json).toEqual([]);
});

test.each(['coffee', 'milk', 'sugar', 'biscuits', 'porcelain', 'sandwich', 'green tea', 'GREEN-TEA'])(
  'has no page for %s',
  async (product) => {
    expect((await request(`GET /products/${encodeURIComponent(product)}`)).status).toBe(404);
  },
);
