import { workOf } from './target-work';

const script = (scriptContent: string) => ({ executor: 'nx:run-script', metadata: { scriptContent } });
const command = (line: string) => ({ executor: 'nx:run-commands', options: { command: line } });

describe('workOf finds what a target does', () => {
  it.each([
    // by its executor
    ['unit', { executor: '@nx/jest:jest' }, 'test'],
    ['specs', { executor: '@nx/vitest:test' }, 'test'],
    ['quality', { executor: '@nx/eslint:lint' }, 'lint'],
    ['ui-flows', { executor: '@nx/playwright:playwright' }, 'e2e'],
    ['dist', { executor: '@nx/js:tsc' }, 'build'],
    ['make', { executor: '@angular-devkit/build-angular:application' }, 'build'],
    // by its command
    ['specs', command('vitest run'), 'test'],
    ['quality', command('eslint .'), 'lint'],
    ['flows', command('playwright test'), 'e2e'],
    ['publishable', script('publint --strict && attw --pack'), 'lint'],
    ['strict', script('tsc --noEmit'), 'typecheck'],
    ['make', script('tsup'), 'build'],
    ['all', { executor: 'nx:run-commands', options: { commands: ['echo', { command: 'jest' }] } }, 'test'],
    // by its name
    ['test:lib', script('node run-all.js'), 'test'],
    ['test:types', script('node run-all.js'), 'typecheck'],
    ['type-check', script('node run-all.js'), 'typecheck'],
    ['typecheck', command('node run-all.js'), 'typecheck'],
    ['testUnit', command('node run-all.js'), 'test'],
    ['check', script('node run-all.js'), 'lint'],
    ['format:check', script('prettier . --check'), 'lint'],
    ['e2e-ci', command('node run-all.js'), 'e2e'],
  ])('%s %j is %s', (name, target, kind) => {
    expect(workOf(name, target).kind).toBe(kind);
  });

  it.each([
    ['serve', { executor: '@nx/js:node' }],
    ['dev', command('vite')],
    ['start', script('node server.js')],
    ['test', { ...command('vitest'), continuous: true }],
    ['test:lib:dev', script('pnpm run test:lib --watch')],
    ['test:ui', command('vitest --ui')],
    ['test', command('jest --watchAll')],
    ['test', script('echo "Error: no test specified" && exit 1')],
    ['test', script('nx run-many -t test')],
    ['test', script('pnpm exec nx affected -t test')],
    ['lint:fix', script('eslint . --fix')],
    ['lint', script('eslint . --fix')],
    ['format', script('prettier . --write')],
    ['deploy', command('kubectl apply')],
    ['release', command('npm publish')],
    ['build-storybook', command('storybook build')],
    ['docker:build', command('docker build .')],
    ['nx-release-publish', { executor: '@nx/js:release-publish' }],
    ['build-deps', { executor: 'nx:noop', dependsOn: ['^build'] }],
    ['prepublishOnly', script('tsc')],
    ['pretest', script('tsc')],
    ['codegen', command('graphql-codegen')],
  ])('%s %j checks nothing', (name, target) => {
    expect(workOf(name, target).kind).toBeNull();
  });

  it.each([
    ['test', { ...command('vitest'), continuous: true }, true],
    ['test', command('jest --watch'), true],
    ['test', command('jest --watch=false'), false],
    ['test', command('vitest watch'), true],
    ['test', command('vitest'), false],
  ])('%s %j is endless: %s', (name, target, isEndless) => {
    expect(workOf(name, target).isEndless).toBe(isEndless);
  });

  it.each([
    ['e2e', command('cypress run'), 'Cypress'],
    ['e2e', { executor: '@nx/playwright:playwright' }, 'Playwright'],
    [
      'e2e-ci',
      { executor: 'nx:noop', metadata: { technologies: ['playwright'], nonAtomizedTarget: 'e2e' } },
      'Playwright',
    ],
    ['e2e', { executor: '@nx/jest:jest' }, null],
    ['lint', command('eslint cypress'), null],
  ])('%s %j needs the browser of %s', (name, target, browser) => {
    expect(workOf(name, target).browser).toBe(browser);
  });

  it('knows the parent of a split target, and variants of a main one', () => {
    const parent = { executor: 'nx:noop', metadata: { nonAtomizedTarget: 'test' } };
    expect(workOf('test-ci', parent)).toMatchObject({ kind: 'test', splitFrom: 'test', isVariant: false });
    expect(workOf('test:coverage', command('vitest --coverage'))).toMatchObject({ isVariant: true });
    expect(workOf('build:docs', command('vite build'))).toMatchObject({ kind: 'build', isVariant: true });
    expect(workOf('test:lib', command('vitest'))).toMatchObject({ isVariant: false });
  });
});
