import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monthly } from './main';

test('reports the month', () => {
  assert.equal(monthly(), '2 orders, 40.86 EUR');
});
