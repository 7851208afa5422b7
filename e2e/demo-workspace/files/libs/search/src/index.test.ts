import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalog } from '#catalog';
import { money } from '#money';
import { search } from './index';

const catalog = new Catalog();
for (const name of ['Green tea', 'Black tea', 'Espresso', 'Tea pot']) catalog.add(name, money(500), 100);

test('forgives a typo', () => {
  assert.deepEqual(
    search(catalog, 'esspresso').map(({ name }) => name),
    ['Espresso'],
  );
});

test('puts exact names first', () => {
  assert.equal(search(catalog, 'green tea')[0]?.name, 'Green tea');
});
