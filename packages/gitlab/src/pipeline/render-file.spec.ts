import { renderGitlabFile, type GitlabFileOptions } from './index';
import { documents, jobsOf } from './test-support/ci-schema';
import { DEFAULTS, difference } from './test-support/options';

const changes = (options: Partial<GitlabFileOptions>): string =>
  `\n${difference(renderGitlabFile(DEFAULTS), renderGitlabFile({ ...DEFAULTS, ...options }))}\n`;

describe('renderGitlabFile', () => {
  it('writes a main job and three agents by default', () => {
    expect(renderGitlabFile(DEFAULTS)).toMatchSnapshot();
  });

  it('writes a plan, a trigger and the jobs of the child pipeline for a dynamic number of agents', () => {
    expect(renderGitlabFile({ ...DEFAULTS, dynamic: true })).toMatchSnapshot();
  });

  it.each<[string, Partial<GitlabFileOptions>]>([
    ['agents', { agents: 12 }],
    ['one agent', { agents: 1 }],
    ['parallel', { parallel: 4 }],
    ['slots', { slots: 'auto' }],
    ['slots of a plan', { slots: 'auto', dynamic: true }],
    ['targets', { targets: ['build', 'test$all'] }],
    ['coordinator', { coordinator: 'https://dte.example.org:8443' }],
    ['mainBranch', { mainBranch: 'trunk' }],
    ['mainBranch with a quote', { mainBranch: 'it"s' }],
    ['image', { image: 'registry.example.org/ci/node:22@sha256:0123' }],
    ['no image', { image: null }],
    ['stage', { stage: 'Verify: all' }],
    ['artifacts', { artifacts: ['dist', '**/coverage', '!dist/tmp'] }],
    ['no artifacts', { artifacts: [] }],
    ['formatCheck', { formatCheck: true }],
    ['a cache in job artifacts', { cache: 'gitlab-artifacts' }],
    ['a cache in a bucket', { cache: 's3' }],
    ['tags', { tags: ['docker', 'yes'] }],
    ['yarn', { packageManager: 'yarn', lockfile: 'yarn.lock' }],
    ['yarn by corepack', { packageManager: 'yarn', packageManagerVersion: '1.22.22', lockfile: 'yarn.lock' }],
    ['yarn berry', { packageManager: 'yarn-berry', lockfile: 'yarn.lock' }],
    ['pnpm', { packageManager: 'pnpm', lockfile: 'pnpm-lock.yaml' }],
    ['bun', { packageManager: 'bun', lockfile: 'bun.lock' }],
    ['bun of one version', { packageManager: 'bun', packageManagerVersion: '1.2.3', lockfile: 'bun.lockb' }],
    ['npm of one version', { packageManagerVersion: '10.9.0' }],
    ['npm-shrinkwrap.json', { lockfile: 'npm-shrinkwrap.json' }],
  ])('changes only what follows from: %s', (_, options) => {
    expect(changes(options)).toMatchSnapshot();
  });

  it('keeps what the main job writes for later pipelines, whoever coordinates', () => {
    const written = renderGitlabFile({ ...DEFAULTS, coordinator: 'https://dte.example.org' });
    expect(jobsOf(documents(written)[0]!)['nx']!['cache']).toContainEqual({
      key: 'dte-history',
      paths: ['.nx/dte/history/'],
      when: 'always',
    });
  });

  it('is the same each time', () =>
    expect(renderGitlabFile(DEFAULTS)).toBe(renderGitlabFile({ ...DEFAULTS })));

  it('rejects a main job with no commands', () => {
    expect(() => renderGitlabFile({ ...DEFAULTS, targets: [] })).toThrow(/set at least one/);
  });
});
