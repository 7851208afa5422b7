import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visit } from './main';

test('a visitor finds, registers and buys', () => {
  assert.equal(visit(), 'Ada pays 27.97 EUR, it arrives on 2026-03-11');
});
