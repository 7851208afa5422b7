import { describeWork, workOfPipeline } from './describe-work';
import { REPOSITORY_NX, nodesOf, type Targets } from './test-support/graph';
import { targetsOfWorkspace } from './workspace-targets';

const command = (line: string, more: object = {}) => ({
  executor: 'nx:run-commands',
  options: { command: line },
  ...more,
});
const work = (projects: Targets, targets: readonly string[]) =>
  workOfPipeline(targetsOfWorkspace(nodesOf(projects), REPOSITORY_NX), targets);

describe('workOfPipeline', () => {
  const library = {
    lint: command('eslint .'),
    test: command('vitest', { dependsOn: ['^build', { target: 'codegen' }] }),
    build: command('vite build', { dependsOn: ['^build'] }),
    codegen: command('graphql-codegen'),
    deploy: command('kubectl apply'),
  };

  it('counts tasks, and names what is left out: checks first', () => {
    const found = work({ 'libs/a': library, 'libs/b': library }, ['test', 'types']);
    expect(found).toEqual({
      tasks: 2,
      runs: [{ target: 'test', tasks: 2 }],
      missing: ['types'],
      before: ['build', 'codegen'],
      checksLeftOut: [{ target: 'lint', projects: 2 }],
      othersLeftOut: [{ target: 'deploy', projects: 2 }],
    });
    expect(describeWork(found).map(({ text }) => text)).toEqual([
      'When everything is affected, the pipeline runs 2 tasks: test (2), and what they depend on: build, codegen.',
      'It does not run these checks of the workspace: lint (2 projects).',
      'It does not run: deploy (2 projects).',
    ]);
  });

  it('counts the parts of a split target, and not the whole one that does the same', () => {
    const e2e = {
      e2e: command('cypress run'),
      'e2e-ci': {
        executor: 'nx:noop',
        metadata: { nonAtomizedTarget: 'e2e' },
        dependsOn: ['e2e-ci--a', 'e2e-ci--b'],
      },
      'e2e-ci--a': command('cypress run a'),
      'e2e-ci--b': command('cypress run b'),
    };
    const found = work({ 'apps/e2e': e2e }, ['e2e-ci']);
    expect(found).toMatchObject({ tasks: 2, runs: [{ target: 'e2e-ci', tasks: 2 }], checksLeftOut: [] });
    expect(work({ 'apps/e2e': e2e }, ['e2e']).checksLeftOut).toEqual([]);
    expect(work({ 'apps/e2e': e2e }, ['lint']).checksLeftOut).toEqual([{ target: 'e2e-ci', projects: 1 }]);
    const alone = work({ 'apps/e2e': e2e, 'apps/old': { e2e: command('cypress run') } }, ['e2e-ci']);
    expect(alone.checksLeftOut).toEqual([{ target: 'e2e', projects: 1 }]);
  });

  it('says that nothing runs', () => {
    expect(describeWork(work({ 'libs/a': library }, ['types']))).toEqual([
      { text: 'The pipeline runs no task.', isGap: true },
      { text: expect.any(String) as string, isGap: true },
      { text: 'It does not run: codegen (1 project), deploy (1).', isGap: false },
    ]);
  });
});
