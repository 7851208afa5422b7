import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, format, money, split, times } from './index';

test('adds amounts of one currency', () => {
  assert.equal(format(add(money(1250), money(50))), '13.00 EUR');
});

test('refuses to add different currencies', () => {
  assert.throws(() => add(money(1), money(1, 'JPY')), TypeError);
});

test('splits without losing a cent', () => {
  const parts = split(money(1000), 3);
  assert.deepEqual(
    parts.map(({ amount }) => amount),
    [334, 333, 333],
  );
});

test('rounds when multiplied', () => {
  assert.equal(times(money(999), 0.5).amount, 500);
});
