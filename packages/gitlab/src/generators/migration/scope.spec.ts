import { scopeOf } from './scope';

const inside = (text: string, folder = 'apps/web'): string[] =>
  [...text.matchAll(/^([\w.]+):/gm)].map(([, name]) => name!).filter(scopeOf(text, folder));

describe('the jobs of a workspace below the root of the repository', () => {
  it.each([
    ['cd apps/web', true],
    ['cd ./apps/web && npm ci', true],
    ['cd "$CI_PROJECT_DIR/apps/web"', true],
    ['cd "$CI_PROJECT_DIR"/apps/web', true],
    ['npm --prefix=apps/web ci', true],
    ['ls apps/web/dist', true],
    ['cd libs/apps/web', false],
    ['cd apps/web-api', false],
    ['cd my-apps/web', false],
    ['npm ci', false],
  ])('have the folder in a script: %j: %s', (line, expected) => {
    expect(inside(`job:\n  script:\n    - ${JSON.stringify(line)}\n`)).toEqual(expected ? ['job'] : []);
  });

  it('include those that take over from them, and what they take over, but not the neighbours', () => {
    const text = `.base:
  script: [npx nx-cloud start-agent]
.web:
  extends: .base
  before_script: [cd apps/web]
agent:
  extends: .web
refers:
  script:
    - !reference [.web, before_script]
.api: &api
  before_script: [cd apps/api]
other:
  <<: *api
variables:
  NX_CLOUD_ACCESS_TOKEN: x
`;
    expect(inside(text)).toEqual(['.base', '.web', 'agent', 'refers']);
    expect(inside(text, 'apps/api')).toEqual(['.api', 'other']);
    expect(inside(text, '')).toHaveLength(7);
  });

  it('are all jobs if all of them begin in the folder', () => {
    expect(inside('default:\n  before_script: [cd apps/web]\na:\n  script: x\n')).toEqual(['default', 'a']);
  });
});
