import { RunningProcess, startFakeGitlab, type FakeGitlab, type ProcessExit } from '@org/dte-testing';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Every call is a separate process that runs git several times.
jest.setTimeout(120_000);

// Our code cannot create certificates with an IP address; without openssl, this test is skipped.
const OPENSSL = 'openssl';
const itWithOpenssl = spawnSync(OPENSSL, ['version']).status === 0 ? it : it.skip;

const CLI = join(__dirname, '..', 'dist', 'cli', 'main.js');
const ZEROS = '0'.repeat(40);
const PROJECT = 7;

/** A GitLab project, its repository, and clones of it like a runner's. */
class Project {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'dte-base-')));
  readonly origin = join(this.folder, 'origin');
  private clones = 0;

  constructor() {
    mkdirSync(this.origin);
    const identity = '[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n';
    writeFileSync(join(this.folder, '.gitconfig'), identity);
    this.git(this.origin, 'init', '--quiet');
    // As on GitLab: any commit can be fetched by its hash.
    this.git(this.origin, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
    writeFileSync(join(this.origin, 'nx.json'), '{}');
    this.git(this.origin, 'add', '--all');
  }

  git(cwd: string, ...args: string[]): string {
    const env = { PATH: process.env['PATH'], HOME: this.folder, GIT_CONFIG_NOSYSTEM: '1' };
    return execFileSync('git', args, {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  }

  commit(message: string): string {
    this.git(this.origin, 'commit', '--quiet', '--allow-empty', '--message', message);
    return this.git(this.origin, 'rev-parse', 'HEAD');
  }

  /** Checks a commit out; `depth`: like GIT_DEPTH, with only the branch that is built. */
  clone(branch: string, depth?: number): string {
    const folder = join(this.folder, `clone-${++this.clones}`);
    const shallow = depth === undefined ? [] : [`--depth=${depth}`, '--single-branch', '--no-tags'];
    this.git(
      this.folder,
      'clone',
      '--quiet',
      '--branch',
      branch,
      ...shallow,
      `file://${this.origin}`,
      folder,
    );
    return folder;
  }

  async baseSha(
    clone: string,
    env: Record<string, string>,
    args: readonly string[] = [],
  ): Promise<ProcessExit> {
    const surroundings = { PATH: process.env['PATH'], HOME: this.folder, CI_DEFAULT_BRANCH: 'main' };
    const command = { command: process.execPath, args: [CLI, 'base-sha', ...args], cwd: clone };
    return new RunningProcess({ name: 'base-sha', ...command, env: { ...surroundings, ...env } }).end();
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}

describe('dte base-sha', () => {
  let project: Project;
  let gitlab: FakeGitlab;
  let first: string;
  let second: string;
  let feature: string;

  beforeAll(async () => {
    gitlab = await startFakeGitlab({ projects: [{ id: PROJECT }] });
  });
  afterAll(() => gitlab.close());

  /** main: first - second - third; feature: second - one - two */
  beforeEach(() => {
    project = new Project();
    first = project.commit('first');
    second = project.commit('second');
    project.git(project.origin, 'branch', 'feature');
    project.commit('third');
    project.git(project.origin, 'checkout', '--quiet', 'feature');
    feature = project.commit('one');
    project.commit('two');
  });
  afterEach(() => project.close());

  /** Standard output contains the commit and nothing else in all cases. */
  async function base(
    clone: string,
    env: Record<string, string>,
    args: readonly string[] = [],
  ): Promise<{ sha: string; said: string }> {
    const { code, stdout, stderr } = await project.baseSha(clone, env, args);
    expect({ code, stdout, stderr }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^[0-9a-f]{40}\n$/) as string,
    });
    return { sha: stdout.trim(), said: stderr };
  }

  const emptyTree = (): string => project.git(project.origin, 'hash-object', '-t', 'tree', '/dev/null');
  const onBranch = (branch: string, before: string): Record<string, string> => ({
    CI_COMMIT_BRANCH: branch,
    CI_COMMIT_BEFORE_SHA: before,
    CI_PIPELINE_SOURCE: 'push',
    CI_PIPELINE_ID: '1000',
  });

  it('prints the checked-out commit as the head, and warns if it is not the commit of the pipeline', async () => {
    const clone = project.clone('feature');
    const head = project.git(clone, 'rev-parse', 'HEAD');
    expect(await base(clone, { CI_COMMIT_SHA: head }, ['--head'])).toEqual({ sha: head, said: '' });
    const other = await base(clone, { CI_COMMIT_SHA: first }, ['--head']);
    expect(other).toMatchObject({ sha: head, said: expect.stringContaining('CI_COMMIT_SHA') as string });
  });

  it.each(['detached', 'merged result'])('takes the base of a merge request: %s', async (kind) => {
    const clone = project.clone('feature');
    if (kind === 'merged result') project.git(clone, 'merge', '--quiet', '--no-edit', 'origin/main');
    const env = {
      CI_MERGE_REQUEST_IID: '3',
      CI_MERGE_REQUEST_DIFF_BASE_SHA: second,
      CI_COMMIT_BEFORE_SHA: ZEROS,
    };
    expect((await base(clone, env)).sha).toBe(second);
  });

  it('fetches the base of a merge request into a shallow clone, so that Nx can compare', async () => {
    const clone = project.clone('feature', 1);
    const { sha } = await base(clone, { CI_MERGE_REQUEST_IID: '3', CI_MERGE_REQUEST_DIFF_BASE_SHA: second });
    expect(sha).toBe(second);
    expect(project.git(clone, 'diff', '--name-only', sha, 'HEAD')).toBe('');
  });

  it('uses the commit before the push if there is no token', async () => {
    expect((await base(project.clone('feature'), onBranch('feature', feature))).sha).toBe(feature);
  });

  it('compares a new branch with the default branch, also in a shallow single-branch clone', async () => {
    for (const clone of [project.clone('feature'), project.clone('feature', 1)])
      expect((await base(clone, onBranch('feature', ZEROS))).sha).toBe(second);
  });

  it('treats every project as affected in the first pipeline of the default branch', async () => {
    const { sha, said } = await base(project.clone('main'), onBranch('main', ZEROS));
    expect(sha).toBe(emptyTree());
    expect(said).toContain('every project is affected');
  });

  it('compares a force-pushed branch with the default branch and reports it', async () => {
    project.git(project.origin, 'reset', '--quiet', '--hard', second);
    project.commit('other');
    const { sha, said } = await base(project.clone('feature'), onBranch('feature', feature));
    expect(sha).toBe(second);
    expect(said).toContain('force-pushed');
  });

  it('compares a force-pushed default branch with the rest of its history', async () => {
    project.git(project.origin, 'checkout', '--quiet', 'main');
    const lost = project.git(project.origin, 'rev-parse', 'HEAD');
    project.git(project.origin, 'reset', '--quiet', '--hard', first);
    project.commit('other');
    expect((await base(project.clone('main'), onBranch('main', lost))).sha).toBe(first);
  });

  it('fetches the history of a shallow clone if necessary, and names the fix', async () => {
    const clone = project.clone('feature', 1);
    const { sha, said } = await base(clone, onBranch('feature', feature));
    expect(sha).toBe(feature);
    expect(said).toContain('GIT_DEPTH: 0');
  });

  it('continues without what cannot be fetched, and names the fix', async () => {
    const clone = project.clone('feature', 1);
    project.git(clone, 'remote', 'set-url', 'origin', 'https://user:hidden@127.0.0.1:9/none.git');
    const { sha, said } = await base(clone, onBranch('feature', feature));
    expect(sha).toBe(emptyTree());
    expect(said).toContain('GIT_DEPTH: 0');
    expect(said).not.toContain('hidden');
  });

  it("fetches by the address with the job's token if the remote has none", async () => {
    const clone = project.clone('feature', 1);
    project.git(clone, 'remote', 'set-url', 'origin', 'https://127.0.0.1:9/none.git');
    const env = { ...onBranch('feature', feature), CI_REPOSITORY_URL: `file://${project.origin}` };
    expect((await base(clone, env)).sha).toBe(feature);
  });

  it('compares a tag with the tag before it', async () => {
    project.git(project.origin, 'tag', 'v1', second);
    project.git(project.origin, 'tag', 'v2', 'feature');
    const env = { CI_COMMIT_TAG: 'v2', CI_COMMIT_BEFORE_SHA: ZEROS };
    expect((await base(project.clone('v2'), env)).sha).toBe(second);
  });

  it('reports a missing clone', async () => {
    const folder = join(project.folder, 'bare');
    mkdirSync(folder);
    const { code, stdout, stderr } = await project.baseSha(folder, onBranch('main', first));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('DTE_GIT_FAILED');
  });

  describe('with a token that may read pipelines', () => {
    // Each test has its own branch name on the GitLab instance, because the pipelines of other tests remain.
    let number = 0;
    let branch: string;
    let id = 0;
    beforeEach(() => (branch = `main-${++number}`));

    const api = (token: string): Record<string, string> => ({
      ...onBranch(branch, second),
      CI_DEFAULT_BRANCH: branch,
      CI_API_V4_URL: gitlab.apiUrl,
      CI_PROJECT_ID: String(PROJECT),
      DTE_GITLAB_TOKEN: token,
      DTE_GITLAB_TIMEOUT_MS: '2000',
    });
    const passed = (sha: string, source = 'push'): void =>
      gitlab.addPipeline({
        id: ++id,
        projectId: PROJECT,
        ref: branch,
        sha,
        source,
        status: 'success',
      });

    it('uses the newest passed pipeline of an ancestor', async () => {
      passed(first);
      passed(second);
      passed('a'.repeat(40));
      passed(feature, 'schedule');
      const { sha, said } = await base(project.clone('feature'), api(gitlab.accessToken(PROJECT)));
      expect(sha).toBe(second);
      expect(said).toMatch(/last successful pipeline of main-\d+/);
    });

    it('also accepts the token from GITLAB_TOKEN', async () => {
      passed(first);
      const { DTE_GITLAB_TOKEN: token = '', ...env } = api(gitlab.accessToken(PROJECT));
      expect((await base(project.clone('feature'), { ...env, GITLAB_TOKEN: token })).sha).toBe(first);
    });

    it('reads the next pages', async () => {
      passed(first);
      for (let index = 0; index < 120; index++) passed(String(index).padStart(40, 'b'));
      expect((await base(project.clone('feature'), api(gitlab.accessToken(PROJECT)))).sha).toBe(first);
    });

    it('treats every project as affected if no pipeline has passed, because the commit before the push has not passed either', async () => {
      const { sha } = await base(project.clone('feature'), api(gitlab.accessToken(PROJECT)));
      expect(sha).toBe(emptyTree());
    });

    it('still finds a base if a pipeline runs again for a commit that has passed', async () => {
      const clone = project.clone('feature');
      passed(first);
      passed(project.git(clone, 'rev-parse', 'HEAD'));
      expect((await base(clone, api(gitlab.accessToken(PROJECT)))).sha).toBe(first);
    });

    it.each([
      ['401', () => 'nobody', /401.*not valid/],
      ['404', () => gitlab.accessToken(8), /404.*has no access/],
    ])('goes on without when the answer is %s, and says so', async (_status, token, message) => {
      passed(first);
      const { sha, said } = await base(project.clone('feature'), api(token()));
      expect(sha).toBe(second);
      expect(said).toMatch(message);
    });

    itWithOpenssl('trusts the certificate that the runner trusts', async () => {
      const [key, cert] = [join(project.folder, 'key.pem'), join(project.folder, 'cert.pem')];
      const names = ['-subj', '/CN=GitLab', '-addext', 'subjectAltName=IP:127.0.0.1'];
      const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', key, '-out', cert];
      execFileSync(OPENSSL, ['req', '-x509', '-nodes', '-days', '2', ...names, ...made], {
        stdio: 'ignore',
      });
      const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
      const secure = await startFakeGitlab({ projects: [{ id: PROJECT }], tls });
      try {
        secure.addPipeline({ id: 1, projectId: PROJECT, ref: branch, sha: first, status: 'success' });
        const env = { ...api(secure.accessToken(PROJECT)), CI_API_V4_URL: secure.apiUrl };
        const clone = project.clone('feature');
        expect((await base(clone, { ...env, CI_SERVER_TLS_CA_FILE: cert })).sha).toBe(first);
        const stranger = await base(clone, env);
        expect(stranger).toMatchObject({
          sha: second,
          said: expect.stringContaining('certificate') as string,
        });
      } finally {
        await secure.close();
      }
    });

    it.each([403, 429, 500, 'reset', 'hang'] as const)(
      'goes on without when GitLab answers with %s',
      async (failure) => {
        passed(first);
        gitlab.failNext(failure, { path: '/pipelines' });
        const { sha, said } = await base(project.clone('feature'), api(gitlab.accessToken(PROJECT)));
        expect(sha).toBe(second);
        expect(said).toContain('the last successful pipeline is unknown');
      },
    );
  });
});
