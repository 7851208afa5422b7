import { addStage, defaultStage } from './stages';

describe('the stage of our jobs', () => {
  it.each([
    ['a: 1\n', 'test'],
    ['stages: [lint, test]\n', 'test'],
    ['stages:\n  - .pre\n  - verify\n  - deploy\n', 'verify'],
    ['stages: !reference [.x, y]\n', 'test'],
  ])('is, in %j, %s', (text, stage) => expect(defaultStage(text)).toBe(stage));

  it.each([
    ['stages:\n- a # one\n- deploy # two\n', 'stages:\n- a # one\n- nx\n- deploy # two\n'],
    ['stages:\n  - a\n\nb: 1\n', 'stages:\n  - a\n  - nx\n\nb: 1\n'],
    ['stages: [a, "deploy"]\n', 'stages: [a, nx, "deploy"]\n'],
    ['stages: [a]\n', 'stages: [a, nx]\n'],
    ['a: 1\n', 'stages:\n  - build\n  - test\n  - nx\n  - deploy\n\na: 1\n'],
    ['stages: [nx]\n', 'stages: [nx]\n'],
  ])('is added to %j where it is missing', (before, after) => expect(addStage(before, 'nx')).toBe(after));

  it('is left to the user if the stages are an alias or a reference', () => {
    expect(addStage('stages: !reference [.x, y]\n', 'nx')).toBeNull();
  });
});
