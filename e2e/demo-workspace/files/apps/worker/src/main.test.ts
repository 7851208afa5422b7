import assert from 'node:assert/strict';
import { test } from 'node:test';
import { money } from '#money';
import { remindersFor } from './main';

const parcel = (arrives: '2026-03-09' | '2026-03-10') => ({
  ordered: '2026-03-06' as const,
  arrives,
  goods: money(1),
  shipping: money(1),
  total: money(2),
});

test('reminds the day before', () => {
  const orders = [parcel('2026-03-09'), parcel('2026-03-10')];
  assert.deepEqual(remindersFor(orders, '2026-03-08'), [orders[0]]);
});
