import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distance, slug, words } from './index';

test('finds the words of a text', () => {
  assert.deepEqual(words('Crème brûlée, 2 portions!'), ['creme', 'brulee', '2', 'portions']);
});

test('makes a slug', () => {
  assert.equal(slug('  Zürich – Genève '), 'zurich-geneve');
});

test('counts the changes between two words', () => {
  assert.equal(distance('kitten', 'sitting'), 3);
});
