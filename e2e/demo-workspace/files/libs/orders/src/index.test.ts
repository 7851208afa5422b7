import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cart } from '#cart';
import { Catalog } from '#catalog';
import { format, money } from '#money';
import { order } from './index';

const catalog = new Catalog();
catalog.add('Tea', money(1000), 900);
const request = { day: '2026-03-06', speed: 'express', country: 'FR', discounts: [] } as const;

test('an order has goods, shipping and tax', () => {
  const placed = order({ ...request, cart: new Cart(catalog).put('tea') });
  assert.equal(format(placed.total), '25.68 EUR');
  assert.equal(placed.arrives, '2026-03-09');
});

test('an empty cart cannot be ordered', () => {
  assert.throws(() => order({ ...request, cart: new Cart(catalog) }), /empty/);
});
