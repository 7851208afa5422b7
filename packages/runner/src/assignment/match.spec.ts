import { fitsList, fitsPattern } from './match';

describe('fitsPattern', () => {
  it.each([
    ['build', 'build', true],
    ['build', 'buil', false],
    ['build', 'builds', false],
    ['e2e-ci', 'e2e-ci*', true],
    ['e2e-ci--src/app/login.cy.ts', 'e2e-ci*', true],
    ['e2e-ci--src/app/login.cy.ts', 'e2e-ci--**/*.cy.ts', true],
    ['e2e-ci--src/[id].cy.ts', 'e2e-ci--src/[id].cy.ts', true],
    ['test', 'te?t', true],
    ['tet', 'te?t', false],
    ['', '*', true],
    ['', '?', false],
    ['a.b', 'a?b', true],
    ['abcabd', '*abd', true],
    ['aXbXc', 'a*b*c', true],
    ['aXbX', 'a*b*c', false],
  ])('%j and %j: %s', (name, pattern, expected) => expect(fitsPattern(name, pattern)).toBe(expected));

  it('is fast with a pattern designed to be slow', () => {
    expect(fitsPattern('a'.repeat(1_000), `${'*a'.repeat(200)}*b`)).toBe(false);
  });
});

describe('fitsList', () => {
  it.each([
    ['build', ['lint', 'build'], true],
    ['test', ['lint', 'build'], false],
    ['build', ['*', '!build'], false],
    ['build', ['*', '!b*', 'build'], true],
    ['lint', ['!build'], true],
    ['build', ['!build'], false],
    ['lint', [], false],
  ])('%j in %j: %s', (name, patterns, expected) => expect(fitsList(name, patterns)).toBe(expected));
});
