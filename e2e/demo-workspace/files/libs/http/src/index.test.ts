import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, match, Refusal } from './index';

test('finds the parameters of a path', () => {
  assert.deepEqual(match('/carts/:cart/lines/:line', '/carts/7/lines/green%20tea'), {
    cart: '7',
    line: 'green tea',
  });
  assert.equal(match('/carts/:cart', '/carts/7/lines'), null);
});

test('answers with the status of a refusal', async () => {
  const routes = { 'GET /tea': () => Promise.reject(new Refusal(418, 'a teapot')) };
  assert.deepEqual(await answer(routes, 'GET /tea', undefined), [418, { error: 'a teapot' }]);
  assert.equal((await answer(routes, 'GET /coffee', undefined))[0], 404);
});
