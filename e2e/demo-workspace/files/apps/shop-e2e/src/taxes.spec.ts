import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { fill, order } = shopper();

test.each([
  ['DE', '24.63 EUR'],
  ['FR', '24.84 EUR'],
  ['CH', '22.38 EUR'],
])('to %s, the same costs %s', async (country, total) => {
  expect((await order(await fill({ 'black-tea': 2 }), { country, card: '1' })).json.total).toBe(total);
});
