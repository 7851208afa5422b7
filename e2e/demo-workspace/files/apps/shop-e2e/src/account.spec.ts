import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { request } = shopper();

test.each([
  ['', 'ada@example.com'],
  ['   ', 'ada@example.com'],
  ['x'.repeat(81), 'ada@example.com'],
  ['Ada', ''],
  ['Ada', 'ada'],
  ['Ada', 'ada@example'],
  ['Ada', 'a d a@example.com'],
])('refuses the name "%s" with the address "%s"', async (name, mail) => {
  expect((await request('POST /accounts', { name, mail })).status).toBe(422);
});

test.each([
  ['Ada', 'ada@example.com'],
  ['Grace', 'grace@navy.example.org'],
  ['Émilie du Châtelet', 'emilie@example.fr'],
  ['x', 'x@y.zz'],
  ['x'.repeat(80), 'x@example.com'],
  ['Li', 'li@例え.jp'],
])('accepts the name "%s" with the address "%s"', async (name, mail) => {
  expect((await request('POST /accounts', { name, mail })).json).toEqual({ name, mail });
});
