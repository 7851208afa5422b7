import { existsSync, readFileSync } from 'node:fs';
import { expectVerdicts } from './harness/expect-verdicts';
import { GitlabProject, PROJECT_ID } from './harness/gitlab-project';
import type { PipelineRun } from './harness/pipeline-run';

/** Each job waits for the others: unless they run at the same time, they never end. */
const PIPELINE = `
asks:
  needs: []
  id_tokens:
    SOME_TOKEN: { aud: somebody }
  script: &script
    - touch $SAMPLE_GATES/$CI_JOB_NAME_SLUG
    - until [ -e $SAMPLE_GATES/asks ] && [ -e $SAMPLE_GATES/several-1-2 ] && [ -e $SAMPLE_GATES/several-2-2 ]; do sleep 0.1; done
    - mkdir dist
    - node -p "JSON.stringify({ ...process.env, here:process.cwd() })" > dist/env.json
    - node publish.cjs > dist/status
  after_script:
    - cp dist/env.json dist/after.json
  artifacts: { paths: [dist] }
several:
  needs: []
  image: node:22
  parallel: 2
  script: *script
  artifacts: { paths: [dist] }
fails:
  needs: []
  allow_failure: true
  script: mkdir dist; echo '<testsuites/>' > dist/junit.xml; exit 3
  artifacts: { paths: [dist], reports: { junit: dist/junit.xml, annotations: dist/missing.json } }
fails and keeps:
  extends: fails
  artifacts: { when: always }
`;

const PUBLISH = `
const { CI_API_V4_URL, CI_PROJECT_ID, CI_JOB_TOKEN } = process.env;
fetch(\`\${CI_API_V4_URL}/projects/\${CI_PROJECT_ID}/packages/generic/some/1.0.0/file\`, {
  method: 'PUT',
  body: 'text',
  headers: { 'job-token': CI_JOB_TOKEN },
}).then(({ status }) => console.log(status));
`;

const JOBS = ['asks', 'several: [1/2]', 'several: [2/2]'];

/**
 * gitlab-ci-local interprets the pipelines of these tests. What it lacks and jobs need, the harness adds to each job as
 * its runner would: GITLAB_CI, CI_JOB_TOKEN, id tokens (for jobs that define them, with the audience they name),
 * CI_JOB_NAME as GitLab writes it, CI_PROJECT_DIR of the job's own clone, a HOME and a TMPDIR. Neither supports: retry,
 * interruptible, expire_in, timeouts, masking, protected variables.
 */
describe('a pipeline of the tests', () => {
  let project: GitlabProject;
  let run: PipelineRun;

  beforeAll(async () => {
    project = await GitlabProject.create({ files: { '.gitlab-ci.yml': PIPELINE, 'publish.cjs': PUBLISH } });
    project.commit('First');
    run = await project.startPipeline({ variables: { CI_COMMIT_BEFORE_SHA: '0'.repeat(40) } });
    expect(await run.end()).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    expect(await project.close()).toEqual([]);
  });

  const envOf = (job: string): Record<string, string> =>
    JSON.parse(readFileSync(run.artifact(job, 'dist/env.json'), 'utf8')) as Record<string, string>;

  it('reports how each job ended', () => {
    expectVerdicts(run, {
      ...Object.fromEntries(JOBS.map((job) => [job, 'passed'])),
      fails: 'failed, allowed',
      'fails and keeps': 'failed, allowed',
    });
  });

  it('keeps files of a job that failed only if it says so, and its reports always', () => {
    expect(existsSync(run.artifact('fails', 'dist/junit.xml'))).toBe(false);
    expect(existsSync(run.artifact('fails and keeps', 'dist/junit.xml'))).toBe(true);
    for (const job of ['fails', 'fails and keeps']) expect(run.junit(job)).toBe('<testsuites/>\n');
    // A missing report is a warning.
    expect(run.annotations('fails')).toEqual([]);
    expect(run.junit('asks')).toBeNull();
  });

  it('keeps for after_script what the script has made, and stores both as artifacts', () => {
    for (const file of ['dist/env.json', 'dist/after.json'])
      expect(existsSync(run.artifact('asks', file))).toBe(true);
  });

  it('gives each job its own clone, HOME and ids, in one pipeline of the project', () => {
    const seen = JOBS.map(envOf);
    for (const name of ['here', 'HOME', 'TMPDIR', 'CI_JOB_ID', 'CI_JOB_TOKEN', 'CI_JOB_URL'])
      expect(new Set(seen.map((env) => env[name])).size).toBe(JOBS.length);
    expect(seen.map((env) => env['CI_JOB_NAME'])).toEqual(['asks', 'several 1/2', 'several 2/2']);
    for (const env of seen) {
      expect(env).toMatchObject({
        GITLAB_CI: 'true',
        CI_PROJECT_DIR: env['here'],
        CI_PROJECT_ID: String(PROJECT_ID),
        CI_SERVER_URL: project.gitlab.url,
        CI_API_V4_URL: project.gitlab.apiUrl,
        CI_COMMIT_SHA: project.git('rev-parse', 'HEAD'),
        CI_COMMIT_BEFORE_SHA: '0'.repeat(40),
      });
      expect(existsSync(`${env['here']}/.git`)).toBe(true);
    }
  });

  it('gives an id token to the jobs that define one, for the audience they name', () => {
    const { SOME_TOKEN: token = '', ...env } = envOf('asks');
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString('utf8')) as object;
    expect(claims).toMatchObject({
      aud: 'somebody',
      iss: env['CI_SERVER_URL'],
      project_id: env['CI_PROJECT_ID'],
      pipeline_id: env['CI_PIPELINE_ID'],
      job_id: env['CI_JOB_ID'],
      sha: env['CI_COMMIT_SHA'],
    });
    expect(envOf('several: [1/2]')['SOME_TOKEN']).toBeUndefined();
  });

  it('gives each job a token for the package registry of its project, valid while it runs', async () => {
    expect(JOBS.map((job) => readFileSync(run.artifact(job, 'dist/status'), 'utf8'))).toEqual(
      JOBS.map(() => '201\n'),
    );
    const { CI_JOB_TOKEN = '' } = envOf('asks');
    const url = `${project.gitlab.apiUrl}/projects/${PROJECT_ID}/packages/generic/some/1.0.0/file`;
    expect((await fetch(url, { headers: { 'job-token': CI_JOB_TOKEN } })).status).toBe(401);
  });
});
