import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from './index';

test('hands back what the service answers', async () => {
  assert.equal(await ask('search index', () => 'found'), 'found');
});

test('hands back what the service refuses', async () => {
  const refuses = () => {
    throw new Error('out of stock');
  };
  await assert.rejects(ask('search index', refuses), /out of stock/);
});
