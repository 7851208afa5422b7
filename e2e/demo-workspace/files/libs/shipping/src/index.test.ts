import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrival, shippingCost } from './index';

test('counts every kilogram begun', () => {
  assert.equal(shippingCost(1001, 'standard').amount, 650);
});

test('does not arrive on a weekend', () => {
  assert.equal(arrival('2026-03-06', 'express'), '2026-03-09');
});
