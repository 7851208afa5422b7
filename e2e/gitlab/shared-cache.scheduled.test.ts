import {
  type ProcessExit,
  SAMPLE_PROJECTS,
  SAMPLE_TARGET_DEFAULTS,
  sampleFiles,
  sampleNxJson,
} from '@org/dte-testing';
import { LIGHT_NX } from '../support/light-nx';
import { ranOn } from '../support/log';
import { AFFECTED_TASKS } from '../support/sample-fleet';
import { expectVerdicts } from './harness/expect-verdicts';
import { GitlabProject, PROJECT_ID } from './harness/gitlab-project';
import type { PipelineOptions, PipelineRun } from './harness/pipeline-run';

/** As in pipeline.test.ts. */
const NX = '23.2.1';
const AGENT = 'nx-agent: [1/1]';
const FOLDER = '.nx/dte/cache';
const MERGE_REQUEST = {
  CI_PIPELINE_SOURCE: 'merge_request_event',
  CI_MERGE_REQUEST_IID: '7',
  CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
};

describe('results in job artifacts, from pipeline to pipeline', () => {
  let project: GitlabProject;
  /** The commit before everything that the pipelines build. */
  let base: string;

  const succeeds = async (line: string): Promise<ProcessExit> => {
    const exit = await project.shell(line);
    if (exit.code !== 0) throw new Error(`${line} ended with ${String(exit.code)}:\n${exit.output}`);
    return exit;
  };

  beforeAll(async () => {
    project = await GitlabProject.create({
      files: {
        'package.json': { name: 'sample', private: true, devDependencies: { nx: NX } },
        ...sampleFiles(
          SAMPLE_PROJECTS,
          sampleNxJson({ plugin: false, targetDefaults: SAMPLE_TARGET_DEFAULTS }),
        ),
      },
    });
    await succeeds('npm install --no-audit --no-fund');
    await succeeds('npm install --save-dev --no-audit --no-fund @org/dte');
    await succeeds('npx nx g @org/dte:setup-gitlab --no-interactive --agents=1 --cache=gitlab-artifacts');
    project.commit('A workspace with a shared cache');
    base = project.git('rev-parse', 'HEAD');
  });

  afterAll(async () => {
    expect(await project.close()).toEqual([]);
  });

  const change = (content: string): void => {
    project.write({ 'libs/alpha/source.txt': content });
    project.commit(content);
  };

  /** Runs the pipeline of this commit, and uploads what the main job keeps. @returns the tasks that ran */
  const runs = async ({ variables, ...options }: PipelineOptions = {}): Promise<[string[], PipelineRun]> => {
    const token = project.gitlab.accessToken(PROJECT_ID, 'reporter');
    const run = await project.startPipeline({
      ...options,
      jobs: ['nx', AGENT],
      variables: { CI_COMMIT_BEFORE_SHA: base, CI_MERGE_REQUEST_DIFF_BASE_SHA: base, ...variables },
      env: { ...LIGHT_NX, DTE_GITLAB_TOKEN: token },
    });
    const exit = await run.end();
    expect(`${String(exit.code)} ${exit.code === 0 ? '' : run.describe()}`).toBe('0 ');
    expectVerdicts(run, { nx: 'passed', [AGENT]: 'passed' });
    expect(project.upload(run, 'nx', FOLDER)).toBe(201);
    await project.everybodyGone();
    return [Object.keys(ranOn(run.journal())).sort(), run];
  };
  const ofMergeRequest: PipelineOptions = { variables: MERGE_REQUEST, without: ['CI_COMMIT_BRANCH'] };
  const ofMain: PipelineOptions = { variables: { CI_COMMIT_BRANCH: 'main' } };

  it('what main has built is built by nobody again; what a merge request has built, main builds itself', async () => {
    change('of main');
    expect((await runs(ofMain))[0]).toEqual(AFFECTED_TASKS);
    expect((await runs(ofMain))[0]).toEqual([]);
    expect((await runs(ofMergeRequest))[0]).toEqual([]);

    change('proposed');
    const [proposed] = await runs(ofMergeRequest);
    expect(proposed).toContain('alpha:build');
    expect((await runs(ofMergeRequest))[0]).toEqual([]);
    // The same commit on main: the same hashes, and nothing of what the merge request has made.
    expect((await runs(ofMain))[0]).toEqual(proposed);
  });
});
