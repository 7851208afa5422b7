import { LIMITS, type LimitValues } from '@org/dte-protocol';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFakeGitlab, type FakeGitlab } from '@org/dte-testing';
import { readGitlabJob } from '../job';
import { type OpenOptions, openGitlabArtifacts } from './open';

describe('openGitlabArtifacts', () => {
  let gitlab: FakeGitlab;
  let clone: string;
  const notes: string[] = [];

  beforeEach(async () => {
    notes.length = 0;
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
    clone = mkdtempSync(join(tmpdir(), 'dte-open-'));
  });
  afterEach(async () => {
    await gitlab.close();
    rmSync(clone, { recursive: true });
  });

  const claims = { project_id: '7', pipeline_id: '100', job_id: '1000', sha: 'a'.repeat(40) };
  const open = (change: Partial<OpenOptions> = {}) =>
    openGitlabArtifacts({
      embedded: true,
      job: readGitlabJob({
        CI_API_V4_URL: gitlab.apiUrl,
        CI_PROJECT_ID: '7',
        CI_PIPELINE_ID: '100',
        CI_JOB_ID: '1000',
        CI_JOB_TOKEN: gitlab.jobToken(7, 1_000),
        CI_PROJECT_DIR: clone,
      }),
      idToken: gitlab.idToken(claims),
      token: undefined,
      ca: [],
      workspaceRoot: clone,
      limits: Object.fromEntries(
        Object.entries(LIMITS).map(([name, { value }]) => [name, value]),
      ) as LimitValues,
      note: (line) => notes.push(line),
      ...change,
    });

  it('makes the folder of the artifacts, which Nx and git ignore, in a workspace below the clone too', async () => {
    const workspaceRoot = join(clone, 'apps', 'web');
    mkdirSync(workspaceRoot, { recursive: true });
    const cache = open({ workspaceRoot });
    expect(existsSync(join(workspaceRoot, '.nx/dte/cache/entries'))).toBe(true);
    expect(existsSync(join(workspaceRoot, '.nx/dte/.gitignore'))).toBe(true);
    await cache?.close();
  });

  it.each<[string, Partial<OpenOptions>, RegExp]>([
    ['a standalone coordinator', { embedded: false }, /standalone coordinator has no job/],
    ['no job', { job: null }, /only in jobs of GitLab/],
    ['no id token', { idToken: undefined }, /no id token/],
    ['a workspace outside of the clone', { workspaceRoot: tmpdir() }, /not in the clone of the job/],
  ])('refuses %s', (_, change, message) => expect(() => open(change)).toThrow(message));

  it('is off, and says why, if the folder cannot be made', () => {
    writeFileSync(join(clone, '.nx'), 'a file');
    expect(open()).toBeNull();
    expect(notes).toEqual([expect.stringMatching(/^the shared cache is off for this job: .*\.nx/)]);
  });
});
