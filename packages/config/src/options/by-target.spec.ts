import { byTarget } from './by-target';
import { numbersByTarget, yesOrNoByTarget } from './kinds';

describe('a table by target', () => {
  const table = { 'app:e2e:ci': 1, 'app:e2e': 2, e2e: 3, '*': 4 };

  it.each([
    [{ project: 'app', target: 'e2e', configuration: 'ci' }, 1],
    [{ project: 'app', target: 'e2e', configuration: 'local' }, 2],
    [{ project: 'app', target: 'e2e' }, 2],
    [{ project: 'lib', target: 'e2e', configuration: 'ci' }, 3],
    [{ project: 'lib', target: 'toString' }, 4],
    [{ project: 'app', target: 'e2e--src/cart.cy.ts' }, 2],
    [{ project: 'lib', target: 'e2e--src/cart.cy.ts' }, 3],
  ])('says of %j the most exact it has: %d', (task, expected) => {
    expect(byTarget(table, task)).toBe(expected);
  });

  it('returns nothing for names that it does not contain', () => {
    expect(byTarget({ e2e: 3 }, { project: 'app', target: 'constructor' })).toBeUndefined();
  });
});

describe('yes or no by target', () => {
  it.each<[unknown, unknown]>([
    [true, { '*': true }],
    ['false', { '*': false }],
    ['no', { '*': false }],
    ['{"e2e":false,"*":true}', { e2e: false, '*': true }],
    [{ e2e: false }, { e2e: false }],
  ])('is read from %j', (value, expected) => {
    expect(yesOrNoByTarget().parse(value)).toEqual(expected);
  });

  it.each([1, 'soon', '"true"', '[true]', { e2e: 'false' }, { '': true }, null])('is not %j', (value) => {
    expect(yesOrNoByTarget().safeParse(value).success).toBe(false);
  });
});

describe('numbers by target', () => {
  it.each<[unknown, unknown]>([
    [500, { '*': 500 }],
    ['500', { '*': 500 }],
    ['{"e2e":7}', { e2e: 7 }],
    [
      { e2e: 7, '*': 8 },
      { e2e: 7, '*': 8 },
    ],
  ])('are read from %j', (value, expected) => {
    expect(numbersByTarget(1).parse(value)).toEqual(expected);
  });

  it.each([0, -1, 1.5, 'soon', '"7"', '[1]', { e2e: 0 }, { e2e: '7' }, { '': 1 }, null])(
    'are not %j',
    (value) => {
      expect(numbersByTarget(1).safeParse(value).success).toBe(false);
    },
  );
});
