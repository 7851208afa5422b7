import assert from 'node:assert/strict';
import { test } from 'node:test';
import { register } from './index';

test('registers a person', () => {
  const account = { name: 'Ada', mail: 'ada@example.com' };
  assert.deepEqual(register(account), { account });
});

test('says what is wrong', () => {
  assert.deepEqual(register({ name: ' ', mail: 'ada@example.com' }), {
    problems: ['name must not be empty'],
  });
});
