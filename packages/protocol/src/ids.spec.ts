import { projectOf } from './ids';

describe('projectOf', () => {
  it.each([
    ['42-1001', '42'],
    ['42-1001-e2e', '42'],
    ['42-1001-e2e-2', '42'],
    ['i0123abcd.42-1001', 'i0123abcd.42'],
    ['local', 'local'],
    ['pipeline-7', 'pipeline'],
  ])('of %s is %s', (key, project) => {
    expect(projectOf(key)).toBe(project);
  });
});
