import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { documents, jobsOf } from './test-support/ci-schema';
import { DEFAULTS } from './test-support/options';
import { enter, idOf, inRepository, jobIn } from './place';
import { renderDynamicPipeline } from './render-dynamic';
import { renderGitlabFile } from './render-file';

const FOLDERS = [
  '',
  'web',
  'apps/web',
  'apps.web',
  'apps-web',
  'apps_web',
  'apps/my web',
  'apps/my_web',
  '.x',
  'Ä',
];

describe('a workspace below the root of the repository', () => {
  it('has an id that is valid in session ids and cache keys', () => {
    expect(idOf({ folder: '' })).toBeNull();
    expect(idOf({ folder: 'apps/my-web' })).toBe('apps.my-web');
    for (const folder of [...FOLDERS.slice(1), 'x'.repeat(300)])
      expect(idOf({ folder })).toMatch(/^[\w-][\w.-]{0,79}$/);
  });

  it('shares no job, cache or session with a workspace in any other folder', () => {
    const parts = fc.constantFrom('a', 'b', '-', '.', '_', ' ', 'ä', '/');
    const folders = fc
      .array(parts, { minLength: 1, maxLength: 6 })
      .map((each) =>
        each
          .join('')
          .replaceAll(/\/+/g, '/')
          .replaceAll(/^\/|\/$/g, ''),
      )
      .filter((folder) => folder !== '');
    fc.assert(
      fc.property(folders, folders, (one, other) => {
        fc.pre(one !== other);
        expect(idOf({ folder: one })).not.toBe(idOf({ folder: other }));
        expect(jobIn({ folder: one }, 'nx')).not.toBe(jobIn({ folder: other }, 'nx'));
      }),
    );
    const files = FOLDERS.map((folder) => documents(renderGitlabFile({ ...DEFAULTS, folder }))[0]!);
    const names = files.flatMap((file) => Object.keys(file));
    expect(new Set(names).size).toBe(names.length);
    const jobs = files.flatMap((file) => Object.entries(jobsOf(file)));
    const mains = jobs.filter(([name]) => /^nx(:|$)/.test(name)).map(([, job]) => job);
    const environments = mains.map(
      ({ variables }) => (variables as Record<string, string>)['DTE_ENVIRONMENT'],
    );
    expect(new Set(environments).size).toBe(FOLDERS.length);
    const keys = mains.flatMap(({ cache }) =>
      (cache as { key: unknown }[]).map(({ key }) => JSON.stringify(key)),
    );
    expect(new Set(keys).size).toBe(2 * FOLDERS.length);
  });

  it.each(['apps/web', "it's $HOME/a b", '-x'])('is entered by its jobs: %s', (folder) => {
    const root = mkdtempSync(join(tmpdir(), 'place-'));
    try {
      mkdirSync(join(root, folder), { recursive: true });
      const env = { CI_PROJECT_DIR: root, PATH: process.env['PATH'] };
      // Also if a before_script of the user has already changed the folder.
      const script = ['cd /', ...enter({ folder }), 'pwd'].join('\n');
      expect(execFileSync('sh', ['-ec', script], { encoding: 'utf8', env }).trim()).toBe(join(root, folder));
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  it('has its files in its folder', () => {
    const at = { folder: 'apps/web' };
    expect(['dist', './dist', '**/coverage', '!dist/tmp'].map((path) => inRepository(at, path))).toEqual([
      'apps/web/dist',
      'apps/web/dist',
      'apps/web/**/coverage',
      '!apps/web/dist/tmp',
    ]);
    expect(inRepository({ folder: '' }, './dist')).toBe('./dist');
  });

  it.each([false, true])('changes only what follows from: folder (dynamic: %s)', (dynamic) => {
    expect(renderGitlabFile({ ...DEFAULTS, folder: 'apps/web', dynamic })).toMatchSnapshot();
  });

  it('has a child pipeline with its own jobs', () => {
    const [child] = documents(renderDynamicPipeline({ stage: 'test', folder: 'apps/web' }, 2));
    expect(child).toMatchObject({
      include: [{ local: 'apps/web/.gitlab/dte.yml' }],
      'nx:apps.web': { variables: { DTE_EXPECTED_AGENTS: 2 } },
      'nx-agent:apps.web': { parallel: 2 },
    });
  });
});
