import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from '#http';
import { storefront } from './storefront';

test('a visitor finds and buys', async () => {
  const ask = async (line: string, body?: unknown) => await answer(storefront(), line, body);
  assert.deepEqual(await ask('GET /search?q=gren+tea'), [200, ['green-tea']]);
  assert.deepEqual(await ask('GET /products/coffee'), [404, { error: 'There is no product coffee' }]);
});
