import { artifactPaths } from './artifact-paths';
import { REPOSITORY_NX, nodesOf, type Targets } from './test-support/graph';
import { targetsOfWorkspace } from './workspace-targets';

const paths = (projects: Targets, targets: readonly string[] = ['build']) =>
  artifactPaths(targetsOfWorkspace(nodesOf(projects), REPOSITORY_NX), targets);
const build = (...outputs: string[]) => ({ build: { executor: 'x:y', outputs } });

describe('artifactPaths', () => {
  it('takes the folder in which the outputs of all projects are', () => {
    const own = build('{workspaceRoot}/dist/{projectRoot}');
    expect(paths({ 'apps/shop': own, 'libs/ui': own }).paths).toEqual(['dist']);
  });

  it('takes one path for the same folder of several projects', () => {
    const own = build('{projectRoot}/dist/**/*.js', '{projectRoot}/dist/tsconfig.tsbuildinfo');
    expect(paths({ 'packages/a': own, 'packages/b': own, 'libs/x/y': own }).paths).toEqual([
      'libs/x/y/dist',
      'packages/*/dist',
    ]);
  });

  it('follows options, and the project in the root', () => {
    const shop = {
      build: { executor: 'x:y', outputs: ['{options.out}'], options: { out: 'apps/shop/.output' } },
    };
    expect(paths({ 'apps/shop': shop, '.': build('{projectRoot}/lib') }).paths).toEqual([
      'apps/shop/.output',
      'lib',
    ]);
  });

  it('takes only the outputs of the given targets', () => {
    const both = {
      ...build('{projectRoot}/dist'),
      test: { executor: 'x:y', outputs: ['{workspaceRoot}/coverage/{projectRoot}'] },
    };
    expect(paths({ 'libs/a': both }).paths).toEqual(['libs/a/dist']);
    expect(paths({ 'libs/a': both }, ['test', 'build']).paths).toEqual(['coverage', 'libs/a/dist']);
  });

  it('keeps files right below a project, and nothing that would be the whole project', () => {
    const own = build(
      '{projectRoot}/*.tgz',
      '{projectRoot}/**/*.d.ts',
      '{projectRoot}',
      '{workspaceRoot}/node_modules/.prisma',
    );
    expect(paths({ 'libs/a': own, 'libs/b': own }).paths).toEqual(['libs/*/*.tgz']);
  });

  it('assumes no source folder where a build declares nothing', () => {
    expect(paths({ 'apps/shop': { build: { executor: 'nx:run-script' } } }).paths).toEqual([
      'apps/shop/build',
      'apps/shop/dist',
      'dist',
    ]);
  });

  it('takes the folder of all tests of a split target, because the next test has a folder of its own', () => {
    const at = (path: string) => [`{projectRoot}/coverage${path}`];
    const app = {
      test: { executor: 'x:y', outputs: at('') },
      'test-ci': {
        executor: 'nx:noop',
        outputs: at('/src/app.spec.ts'),
        metadata: { nonAtomizedTarget: 'test' },
      },
      'test-ci--src/app.spec.ts': { executor: 'x:y', outputs: at('/src/app.spec.ts') },
    };
    expect(paths({ 'apps/shop': app }, ['test-ci']).paths).toEqual(['apps/shop/coverage']);
  });

  it('has a bound, and says what is beyond it', () => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [`p${index}`, build(`{projectRoot}/out${index}`)]),
    );
    const found = paths({
      ...many,
      'libs/a': build('{projectRoot}/dist'),
      'libs/b': build('{projectRoot}/dist'),
    });
    expect(found.paths).toHaveLength(20);
    expect(found.paths).toContain('libs/*/dist');
    expect(found.leftOut).toHaveLength(11);
  });
});
