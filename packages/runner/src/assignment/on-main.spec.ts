import { createAssignment } from './assign';
import { mainReason, readMainPatterns } from './on-main';

const task = (id: string) => {
  const [project = '', target = '', configuration] = id.split('/');
  return { project, target, configuration };
};
const rules = createAssignment(
  [
    { file: '.nx/dte.yaml', line: 2, targets: ['deploy'], 'run-on': 'main' },
    { file: '.nx/dte.yaml', line: 4, projects: ['shop'], 'run-on': [{ agent: 'big' }] },
  ],
  (patterns) => patterns,
);

describe('tasks of the main job', () => {
  it.each([
    ['app/nx-release-publish', [], 'runOnMain: nx-release-publish'],
    ['app/docker:build', [], 'runOnMain: docker:build'],
    ['app/build', [], null],
    ['app/push/production', ['push'], 'runOnMain: push'],
    ['app/push/production', ['app:push'], 'runOnMain: app:push'],
    ['app/push/production', ['*:push:production'], 'runOnMain: *:push:production'],
    ['app/push/staging', ['*:push:production'], null],
    ['app/push', ['push*', '!app:push'], null],
    ['app/nx-release-publish', ['!nx-release-publish'], null],
    ['lib/nx-release-publish', ['!app:nx-release-publish'], 'runOnMain: nx-release-publish'],
    // Unlike lists in rules, it never starts with everything.
    ['app/lint', ['!test'], null],
    ['app/deploy', [], '.nx/dte.yaml:2 (targets deploy)'],
    ['app/deploy', ['!deploy'], '.nx/dte.yaml:2 (targets deploy)'],
    // A rule for whole projects must not send a release to an agent.
    ['shop/nx-release-publish', [], 'runOnMain: nx-release-publish'],
    ['shop/build', [], null],
  ])('%s with %j: %s', (id, patterns, reason) => {
    expect(mainReason(task(id), readMainPatterns(patterns), rules)).toBe(reason);
  });

  it('knows which tasks a pattern has excluded', () => {
    const patterns = readMainPatterns(['!deploy', 'web:deploy']);
    expect(patterns.isReleased(task('api/deploy'))).toBe(true);
    expect(patterns.isReleased(task('web/deploy'))).toBe(false);
    expect(patterns.isReleased(task('api/build'))).toBe(false);
  });
});
