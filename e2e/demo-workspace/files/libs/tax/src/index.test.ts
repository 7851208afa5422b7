import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, money } from '#money';
import { grossOf, taxOn } from './index';

test('net and tax make gross', () => {
  const net = money(10_000);
  assert.deepEqual(add(net, taxOn(net, 'DE')), grossOf(net, 'DE'));
});
