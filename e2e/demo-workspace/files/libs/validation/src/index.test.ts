import assert from 'node:assert/strict';
import { test } from 'node:test';
import { email, maxLength, required, validate } from './index';

test('accepts what fits', () => {
  assert.deepEqual(validate({ name: 'Ada' }, { name: [required, maxLength(10)] }), {});
});

test('names every problem', () => {
  assert.deepEqual(validate({ name: '', mail: 'nobody' }, { name: [required], mail: [email] }), {
    name: ['must not be empty'],
    mail: ['must be an address like name@example.com'],
  });
});
