import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ProcessExit,
  SAMPLE_PROJECTS,
  SAMPLE_TARGET_DEFAULTS,
  sampleCommand,
  sampleFiles,
  sampleNxJson,
  type SampleProject,
  selfSignedCertificate,
  signalProcess,
  waitFor,
} from '@org/dte-testing';
import { readDocument } from '../support/documents';
import { LIGHT_NX } from '../support/light-nx';
import { machinesOf, ownLines, plain, ranOn } from '../support/log';
import { inSchedule } from '../support/scheduled';
import { AFFECTED_TASKS } from '../support/sample-fleet';
import { expectVerdicts } from './harness/expect-verdicts';
import { GitlabProject } from './harness/gitlab-project';
import type { PipelineRun } from './harness/pipeline-run';

/** Not the newest: all platform packages of this version are available everywhere. Otherwise `npm ci` rejects a lockfile. */
const NX = '23.2.1';
const AGENTS = ['nx-agent 1/3', 'nx-agent 2/3', 'nx-agent 3/3'];
/** Their names in the interpreter. */
const AGENT_JOBS = ['nx-agent: [1/3]', 'nx-agent: [2/3]', 'nx-agent: [3/3]'];
const BUILT = ['libs/alpha', 'libs/beta', 'libs/gamma', 'apps/shop'];

/** The tasks that are ready first, four times lint and alpha:build, wait for the gate: three agents with two slots get some each. */
function gatedProjects(): Record<string, SampleProject> {
  const projects = structuredClone(SAMPLE_PROJECTS);
  for (const [name, { targets }] of Object.entries(projects))
    targets['lint'] = { command: sampleCommand(`${name}:lint`, { until: 'go' }) };
  projects['alpha']!.targets['build'] = {
    command: sampleCommand('alpha:build', { until: 'go', writes: 'dist/libs/alpha/out.txt' }),
  };
  return projects;
}

describe('README.md, from nothing to a distributed pipeline', () => {
  let project: GitlabProject;
  /** The commit before the change that a pipeline tests. */
  let base: string;
  /** The lines of its first two blocks of commands; the pipelines of this test stand for the push. */
  const [install = '', generate = '', ...commit] = readDocument('README.md')
    .blocks.filter(({ language }) => language === 'sh')
    .slice(0, 2)
    .flatMap(({ text }) => text.trim().split('\n'))
    .filter((line) => line !== 'git push');

  const succeeds = async (line: string): Promise<ProcessExit> => {
    const exit = await project.shell(line);
    if (exit.code !== 0) throw new Error(`${line} ended with ${String(exit.code)}:\n${exit.output}`);
    return exit;
  };

  beforeAll(async () => {
    project = await GitlabProject.create({
      // As in many companies: only the runner gives the jobs the instance's certificate.
      certificate: selfSignedCertificate(),
      files: {
        'package.json': { name: 'sample', private: true, devDependencies: { nx: NX } },
        ...sampleFiles(
          gatedProjects(),
          sampleNxJson({ plugin: false, targetDefaults: SAMPLE_TARGET_DEFAULTS }),
        ),
      },
    });
    await succeeds('npm install --no-audit --no-fund');
    project.commit('An Nx workspace without distribution');
    for (const line of [install, generate, ...commit]) await succeeds(line);
    base = project.git('rev-parse', 'HEAD');
  });

  afterAll(async () => {
    expect(await project.close()).toEqual([]);
  });

  /** A new commit, and the variables of all its pipelines. */
  const change = (files: Record<string, string>): Record<string, string> => {
    const before = project.git('rev-parse', 'HEAD');
    project.write(files);
    project.commit('Change');
    return { CI_COMMIT_BEFORE_SHA: before };
  };

  const eachHoldsTasks = async (run: PipelineRun, agents: readonly string[]): Promise<void> => {
    await waitFor(
      'a task on each agent',
      () => agents.every((agent) => machinesOf(run.journal()).includes(agent)),
      {
        deadlineMs: 600_000,
        lastState: () => run.describe(),
      },
    );
  };

  /** Id tokens and whatever else is a JWT: in no log, and in no artifact. */
  const expectNoTokens = (run: PipelineRun): void => {
    const token = /eyJ[\w-]{10,}\.[\w-]{10,}/;
    const places = ['nx', ...AGENT_JOBS].flatMap((job): [string, string][] => {
      const kept = run.artifact(job, '');
      const files = existsSync(kept) ? readdirSync(kept, { recursive: true, withFileTypes: true }) : [];
      const contents = files
        .filter((entry) => entry.isFile())
        .map((entry): [string, string] => [
          entry.name,
          readFileSync(join(entry.parentPath, entry.name), 'latin1'),
        ]);
      return [[`the log of ${job}`, run.log(job)], ...contents];
    });
    expect(places.length).toBeGreaterThan(AGENT_JOBS.length + 1);
    expect(places.filter(([, text]) => token.test(text)).map(([place]) => place)).toEqual([]);
  };

  const expectDone = (run: PipelineRun): void => {
    expect(Object.keys(ranOn(run.journal())).sort()).toEqual(AFFECTED_TASKS);
    for (const root of BUILT) expect(existsSync(run.artifact('nx', `dist/${root}/out.txt`))).toBe(true);
    expect(readFileSync(run.artifact('nx', 'dist/libs/beta/out.txt'), 'utf8')).toBe(
      'beta:build\nalpha:build\n',
    );
  };

  /** A pipeline that failed has its report: as artifacts, in GitLab's own views, and in the log. */
  const expectReport = (run: PipelineRun, failed: string): void => {
    const [project = '', target = ''] = failed.split(':');
    expect(run.junit('nx')).toMatch(
      new RegExp(`<testcase classname="${project}" name="${target}" [^>]*><failure message="exit code 1"`),
    );
    const links = run.annotations('nx');
    expect(links.length).toBeGreaterThan(0);
    for (const { url } of links) {
      const [job = '', path = ''] = url.split('/artifacts/file/');
      expect(job).toMatch(/\/-\/jobs\/\d+$/);
      expect([path, existsSync(run.artifact('nx', decodeURIComponent(path)))]).toEqual([path, true]);
    }
    const sections = run.sections('nx').map((name) => name.replace(/^dte-[0-9a-f]{8}-\d+-/, ''));
    expect(sections).toEqual(expect.arrayContaining([`${project}-${target}`, 'alpha-build']));
    expect(new Set(run.sections('nx')).size).toBe(sections.length);
    // At the end of what dte printed; what nx printed comes through another pipe of the interpreter, and may be late.
    const [, end = ''] = run.log('nx').split(/^dte: \d+ tasks? on \d+ agents? in .*$/m);
    expect(end).toMatch(new RegExp(`^dte: ${failed} failed on .*\n.*exit code 1\n(.*\\|.*\n)+`, 'm'));
  };

  it('a second run of the generator changes nothing', async () => {
    expect(project.git('show', '--stat', '--format=', 'HEAD')).toContain('.gitlab-ci.yml');
    const exit = await succeeds(generate);
    expect(project.git('status', '--porcelain')).toBe('');
    expect(plain(exit.output)).toContain('everything is up to date');
  });

  it('a branch pipeline: three agents run all tasks, the main job has their outputs as artifacts, and it passes', async () => {
    const run = await project.startPipeline({ variables: change({ 'libs/alpha/source.txt': 'changed\n' }) });
    await eachHoldsTasks(run, AGENTS);
    project.open('go');
    const exit = await run.end();

    expect(`${String(exit.code)} ${exit.code === 0 ? '' : run.describe()}`).toBe('0 ');
    expectVerdicts(run, Object.fromEntries(['nx', ...AGENT_JOBS].map((job) => [job, 'passed'])));
    expect(machinesOf(run.journal())).toEqual(AGENTS);
    expectDone(run);
    expectNoTokens(run);
    const lines = ownLines(run.log('nx'));
    expect(lines).toContainEqual(expect.stringMatching(/^dte: session 1217-\d+ · \d agents? · \d slots$/));
    expect(lines).toContainEqual(expect.stringMatching(/^dte: 12 tasks on 3 agents in /));
    // What the coordinator has learned about the tasks is kept for the next pipeline.
    expect(plain(run.process.output())).toMatch(/\.nx\/dte\/history\/: found [1-9]/);
    await project.everybodyGone();
  });

  it('a merge request with a failing test: the pipeline fails, and the log names the job that ran it', async () => {
    const variables = {
      ...change({
        'libs/beta/project.json': project
          .read('libs/beta/project.json')
          .replace('beta:test', 'beta:test exit=1'),
      }),
      CI_PIPELINE_SOURCE: 'merge_request_event',
      CI_MERGE_REQUEST_IID: '7',
      CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
      CI_MERGE_REQUEST_TARGET_BRANCH_NAME: 'main',
    };
    const [agent, job] = [AGENTS[0]!, AGENT_JOBS[0]!];
    const run = await project.startPipeline({
      variables,
      without: ['CI_COMMIT_BRANCH'],
      jobs: ['nx', job],
      env: LIGHT_NX,
    });
    const exit = await run.end();

    expect(exit.code).toBe(1);
    expectVerdicts(run, { nx: 'failed', [job]: 'passed' });
    expect(ranOn(run.journal())['beta:test']).toEqual([agent]);
    expect(ownLines(run.log('nx'))).toContainEqual(
      expect.stringMatching(
        new RegExp(`^dte: beta:test failed on ${agent}: ${project.gitlab.url}/group/sample/-/jobs/\\d+$`),
      ),
    );
    expectReport(run, 'beta:test');
    expect(plain(run.process.output())).toMatch(/imported cache 'dte-history/);
    // The base was that of the merge request, not the commit before.
    expect(Object.keys(ranOn(run.journal()))).toContain('alpha:build');
    project.git('revert', '--no-edit', 'HEAD');
    await project.everybodyGone();
  });

  inSchedule(
    'an agent that is killed while it works: its tasks run elsewhere, and the pipeline passes',
    async () => {
      project.shut('go');
      const [killed, other] = [AGENT_JOBS[0]!, AGENT_JOBS[1]!];
      const run = await project.startPipeline({
        jobs: ['nx', killed, other],
        env: LIGHT_NX,
        variables: {
          ...change({ 'libs/alpha/source.txt': 'changed again\n' }),
          DTE_HEARTBEAT_MS: '500',
          DTE_LEASE_MS: '8000',
        },
      });
      await eachHoldsTasks(run, AGENTS.slice(0, 2));
      for (const { pid } of run.processesOf(killed)) signalProcess(pid, 'SIGKILL');
      project.open('go');
      const exit = await run.end();

      expect(`${String(exit.code)} ${exit.code === 0 ? '' : run.describe()}`).toBe('0 ');
      expectVerdicts(run, { nx: 'passed', [killed]: 'failed, allowed', [other]: 'passed' });
      expectDone(run);
      expect(ownLines(run.log('nx'))).toContainEqual(expect.stringMatching(/ retried$/));
      await project.everybodyGone();
    },
  );

  it('--dynamic: a plan job gives the little remaining work one agent, in a child pipeline that passes', async () => {
    await succeeds('npx nx g @org/dte:setup-gitlab --dynamic');
    const run = await project.startPipeline({
      variables: change({ 'libs/alpha/source.txt': 'once more\n' }),
      env: LIGHT_NX,
    });
    const exit = await run.end();

    expect(`${String(exit.code)} ${exit.code === 0 ? '' : run.describe()}`).toBe('0 ');
    expect(ownLines(run.log('nx-plan'))).toContainEqual(
      expect.stringMatching(/^dte: 12 affected tasks · 12 for agents, .* · 1 agent$/),
    );
    // The interpreter prefixes jobs of the child pipeline like this.
    expectVerdicts(
      run,
      {
        'nx-plan': 'passed',
        'nx-pipeline': 'passed',
        '[nx-pipeline] -> nx': 'passed',
        '[nx-pipeline] -> nx-agent: [1/1]': 'passed',
      },
      { partial: true },
    );
    expect(machinesOf(run.journal())).toEqual(['nx-agent 1/1']);
    expect(existsSync(run.artifact('nx', 'dist/libs/beta/out.txt'))).toBe(true);
    await project.everybodyGone();
  });

  it('a check under another name: the generator finds it, and the pipeline fails with it', async () => {
    project.write({
      'libs/unusual/project.json': {
        name: 'unusual',
        targets: { 'test:lib': { command: sampleCommand('unusual:test:lib', { exit: 1 }) } },
      },
    });
    project.commit('A project with another name for its tests');
    const before = project.git('rev-parse', 'HEAD~1');
    const exit = await succeeds('rm .gitlab/dte.yml && npx nx g @org/dte:setup-gitlab --no-interactive');
    expect(plain(exit.output)).toMatch(
      /the pipeline runs 16 tasks: lint \(5\), test \(5\), test:lib \(1\), build \(5\)/,
    );
    project.commit('A new pipeline');
    const run = await project.startPipeline({
      variables: { CI_COMMIT_BEFORE_SHA: before },
      jobs: ['nx', AGENT_JOBS[0]!],
      env: LIGHT_NX,
    });
    expect((await run.end()).code).toBe(1);
    expectVerdicts(run, { nx: 'failed', [AGENT_JOBS[0]!]: 'passed' });
    expect(Object.keys(ranOn(run.journal()))).toContain('unusual:test:lib');
    await project.everybodyGone();
  });
});
