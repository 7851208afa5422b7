import { expect, test } from '@jest/globals';
import { shopper } from './support/shopper';

const { fill, order } = shopper();

test.each([
  ['SPRING', '2026-03-06', 801],
  ['SPRING', '2026-06-01', 890],
  ['FRIDAY', '2026-11-27', 623],
])('the code %s on %s: %d cents', async (code, day, amount) => {
  const { json } = await order(await fill({ 'green-tea': 1 }), { code, day });
  expect(json.goods.amount).toBe(amount);
});
