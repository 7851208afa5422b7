import assert from 'node:assert/strict';
import { test } from 'node:test';
import { money } from '#money';
import { discounted } from './index';

const discounts = [
  { percent: 10, from: '2026-03-01', to: '2026-03-31' },
  { percent: 25, from: '2026-03-15', to: '2026-03-16' },
] as const;

test('takes the best discount of the day', () => {
  assert.equal(discounted(money(1000), discounts, '2026-03-15').amount, 750);
});

test('leaves the price alone on other days', () => {
  assert.equal(discounted(money(1000), discounts, '2026-04-01').amount, 1000);
});
