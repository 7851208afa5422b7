import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { REPOSITORY } from '@org/dte-testing';
import { LIGHT_NX } from '../support/light-nx';
import { ownLines, plain } from '../support/log';
import { inSchedule } from '../support/scheduled';
import { expectVerdicts } from './harness/expect-verdicts';
import { GitlabProject } from './harness/gitlab-project';
import { expandPipeline } from './harness/pipeline-run';

const AGENT_JOBS = ['nx-agent: [1/3]', 'nx-agent: [2/3]', 'nx-agent: [3/3]'];
/** The folder with the compiled packages. */
const COMPILED = readdirSync(`${REPOSITORY}/packages`)
  .map((name) => `packages/${name}/dist`)
  .filter((folder) => existsSync(`${REPOSITORY}/${folder}`));

describe('the pipeline of this repository', () => {
  let project: GitlabProject;

  beforeAll(async () => {
    project = await GitlabProject.copyOf(REPOSITORY);
    project.commit('As it is now');
  });

  afterAll(async () => {
    expect(await project.close()).toEqual([]);
  });

  it('is the output of the generator: a second run changes nothing', async () => {
    // Hard links, never a link to the folder: what a job installs must not end up in this repository.
    mkdirSync(`${project.clone}/node_modules`);
    // Other tests write to the cache at the same time.
    const installed = readdirSync(`${REPOSITORY}/node_modules`).filter((name) => name !== '.cache');
    execFileSync('cp', ['-al', ...installed, `${project.clone}/node_modules`], {
      cwd: `${REPOSITORY}/node_modules`,
    });
    for (const folder of COMPILED)
      execFileSync('cp', ['-al', `${REPOSITORY}/${folder}`, `${project.clone}/${folder}`]);
    const exit = await project.shell('npx nx g @org/dte:setup-gitlab', { NX_DAEMON: 'false' });

    expect(`${String(exit.code)} ${exit.code === 0 ? '' : exit.output}`).toBe('0 ');
    expect(project.git('status', '--porcelain')).toBe('');
  });

  it('has a main job, three agents, and a job that runs everything else', async () => {
    const jobs = await expandPipeline(project.clone, project.env);
    expect(Object.keys(jobs)).toEqual(expect.arrayContaining(['nx', 'nx-agent', 'everything']));
    expect(jobs['nx']!.id_tokens).toEqual({ DTE_ID_TOKEN: { aud: 'dte' } });
  });

  inSchedule(
    'distributes lint and tests of its own packages, with one agent and one changed package',
    async () => {
      // What has not changed is not compiled again.
      for (const folder of COMPILED) project.keep(`${REPOSITORY}/${folder}`, folder);
      const before = project.git('rev-parse', 'HEAD');
      const source = 'packages/nx-cloud-shim/src/index.ts';
      project.write({ [source]: `${project.read(source)}// Changed.\n` });
      project.commit('A change');
      const run = await project.startPipeline({
        variables: { CI_COMMIT_BEFORE_SHA: before },
        jobs: ['nx', AGENT_JOBS[0]!],
        env: LIGHT_NX,
      });
      const exit = await run.end();

      expect(`${String(exit.code)} ${exit.code === 0 ? '' : run.describe()}`).toBe('0 ');
      expectVerdicts(run, { nx: 'passed', [AGENT_JOBS[0]!]: 'passed' });
      const log = plain(run.log('nx'));
      for (const task of ['lint', 'test']) expect(log).toContain(`nx run @org/dte-nx-cloud-shim:${task}`);
      expect(ownLines(log)).toContainEqual(
        expect.stringMatching(/^dte: \d+ tasks on 1 agent in .* · nx-agent 1\/3: \d+$/),
      );
      await project.everybodyGone();
    },
  );
});
