import assert from 'node:assert/strict';
import { test } from 'node:test';
import { money } from '#money';
import { Catalog } from './index';

test('finds a product by the slug of its name', () => {
  const catalog = new Catalog();
  catalog.add('Café Crème', money(350), 250);
  assert.equal(catalog.get('cafe-creme').price.amount, 350);
});

test('refuses the same product twice', () => {
  const catalog = new Catalog();
  catalog.add('Tea', money(300), 100);
  assert.throws(() => catalog.add('tea', money(300), 100), /already/);
});
