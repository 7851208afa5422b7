import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalog } from '#catalog';
import { format, money } from '#money';
import { Cart } from './index';

const catalog = new Catalog();
catalog.add('Tea', money(420), 100);
catalog.add('Pot', money(3999), 800);

test('adds up', () => {
  const cart = new Cart(catalog).put('tea', 2).put('pot').put('tea');
  assert.equal(format(cart.total()), '52.59 EUR');
  assert.equal(cart.weightGrams(), 1100);
});

test('refuses what is not in the catalog', () => {
  assert.throws(() => new Cart(catalog).put('coffee'), /no product/);
});
