import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addDays, addWorkingDays, daysBetween, isWeekend } from './index';

test('crosses the end of February in a leap year', () => {
  assert.equal(addDays('2028-02-28', 1), '2028-02-29');
  assert.equal(daysBetween('2028-02-28', '2028-03-01'), 2);
});

test('skips weekends', () => {
  assert.equal(isWeekend('2026-03-07'), true);
  assert.equal(addWorkingDays('2026-03-06', 1), '2026-03-09');
});
