import assert from 'node:assert/strict';
import { test } from 'node:test';
import { money } from '#money';
import { report } from './index';

const placed = (ordered: '2026-03-01' | '2026-04-01', cents: number) => ({
  ordered,
  arrives: '2026-04-02' as const,
  goods: money(cents),
  shipping: money(0),
  total: money(cents),
});

test('sums up the orders of a month', () => {
  const orders = [placed('2026-03-01', 1000), placed('2026-04-01', 500)];
  assert.deepEqual(report(orders, '2026-04-01', '2026-04-30'), {
    orders: 1,
    revenue: '5.00 EUR',
    averageDaysToArrive: 1,
  });
});
