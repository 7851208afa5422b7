import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type FileContent,
  type ProcessExit,
  SAMPLE_TARGET_DEFAULTS,
  sampleCommand,
  sampleFiles,
  sampleNxJson,
  sampleProject,
  waitFor,
} from '@org/dte-testing';
import { LIGHT_NX } from '../support/light-nx';
import { machinesOf, ownLines, plain } from '../support/log';
import { inSchedule } from '../support/scheduled';
import { expectVerdicts } from './harness/expect-verdicts';
import { GitlabProject } from './harness/gitlab-project';
import type { PipelineRun } from './harness/pipeline-run';

/** As in pipeline.test.ts. */
const NX = '23.2.1';
const [WEB, API] = ['apps/web', 'services/api'] as const;
const FOLDERS = [WEB, API];
const idOf = (folder: string): string => folder.replace('/', '.');
const mainOf = (folder: string): string => `nx:${idOf(folder)}`;
/** In the interpreter. */
const agentOf = (folder: string): string => `nx-agent:${idOf(folder)}: [1/1]`;
/** In GitLab. */
const machineOf = (folder: string): string => `nx-agent:${idOf(folder)} 1/1`;
const TASKS = ['alpha:build', 'alpha:lint', 'alpha:test', 'beta:build', 'beta:lint', 'beta:test'];

/** Both workspaces have the same projects, tasks and lockfile; only their sources differ. */
function workspaceFiles(folder: string): Record<string, FileContent> {
  const projects = {
    alpha: sampleProject('alpha', 'libs/alpha'),
    beta: sampleProject('beta', 'libs/beta', { alpha: 'libs/alpha' }),
  };
  projects.alpha.targets['lint'] = { command: sampleCommand('alpha:lint', { until: 'go' }) };
  projects.alpha.targets['build'] = {
    command: sampleCommand('alpha:build', {
      needs: 'libs/alpha/source.txt',
      writes: 'dist/libs/alpha/out.txt',
    }),
  };
  const files: Record<string, FileContent> = {
    'package.json': { name: 'sample', private: true, devDependencies: { nx: NX } },
    ...sampleFiles(projects, sampleNxJson({ plugin: false, targetDefaults: SAMPLE_TARGET_DEFAULTS })),
    'libs/alpha/source.txt': `alpha of ${folder}\n`,
  };
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [`${folder}/${path}`, content]));
}

describe('a repository with two workspaces below its root', () => {
  let project: GitlabProject;

  const succeeds = async (folder: string, line: string): Promise<ProcessExit> => {
    const exit = await project.shell(`cd ${folder} && ${line}`);
    if (exit.code !== 0) throw new Error(`${line} ended with ${String(exit.code)}:\n${exit.output}`);
    return exit;
  };

  beforeAll(async () => {
    project = await GitlabProject.create({
      files: {
        '.gitlab-ci.yml': '# ours\nstages: [build, test]\nbackend:\n  stage: build\n  script: [pwd]\n',
        ...workspaceFiles(WEB),
        ...workspaceFiles(API),
      },
    });
    for (const folder of FOLDERS) project.write({ [`${folder}/.npmrc`]: project.registry.npmrc });
    await succeeds(WEB, 'npm install --no-audit --no-fund');
    for (const part of ['package-lock.json', 'node_modules'])
      cpSync(join(project.clone, WEB, part), join(project.clone, API, part), {
        recursive: true,
        verbatimSymlinks: true,
      });
    project.commit('Two Nx workspaces without distribution');
  });

  afterAll(async () => {
    expect(await project.close()).toEqual([]);
  });

  const change = (files: Record<string, string>): Record<string, string> => {
    const before = project.git('rev-parse', 'HEAD');
    project.write(files);
    project.commit('Change');
    return { CI_COMMIT_BEFORE_SHA: before };
  };

  /** `machine task`, for each task that ended. */
  const endedIn = (run: PipelineRun): string[] =>
    run
      .journal()
      .filter(({ what }) => what === 'end')
      .map(({ machine, id }) => `${machine} ${id}`)
      .sort();

  const tasksOn = (...folders: string[]): string[] =>
    folders.flatMap((folder) => TASKS.map((task) => `${machineOf(folder)} ${task}`));

  it("the generator lists the root's file with --dry-run, then adds one include for each workspace", async () => {
    const generate = 'npx nx g @org/dte:setup-gitlab --agents=1 --targets=lint,test,build';
    const before = project.read('.gitlab-ci.yml');
    for (const folder of FOLDERS)
      await succeeds(folder, 'npm install --save-dev @org/dte --no-audit --no-fund');

    const dry = await succeeds(WEB, `${generate} --dry-run`);
    expect(plain(dry.output)).toMatch(/UPDATE \.\.\/\.\.\/\.gitlab-ci\.yml/);
    expect(project.read('.gitlab-ci.yml')).toBe(before);

    for (const folder of FOLDERS) {
      expect(plain((await succeeds(folder, generate)).output)).toContain('Nothing is left to do manually');
      expect(existsSync(join(project.clone, folder, '.gitlab-ci.yml'))).toBe(false);
    }
    expect(project.read('.gitlab-ci.yml')).toBe(
      `${before}\ninclude:\n  - local: ${WEB}/.gitlab/dte.yml\n  - local: ${API}/.gitlab/dte.yml\n`,
    );
    project.commit('Distribute Nx tasks');
    for (const folder of FOLDERS) await succeeds(folder, generate);
    expect(project.git('status', '--porcelain')).toBe('');
  });

  it('distributes both in one pipeline: no agent runs a task of the other, and outputs are those of the own sources', async () => {
    const run = await project.startPipeline({
      env: LIGHT_NX,
      variables: change(
        Object.fromEntries(
          FOLDERS.map((folder) => [`${folder}/libs/alpha/source.txt`, `alpha of ${folder}, changed\n`]),
        ),
      ),
    });
    const agents = FOLDERS.map(machineOf);
    await waitFor(
      'a task on each agent',
      () => agents.every((agent) => machinesOf(run.journal()).includes(agent)),
      {
        deadlineMs: 600_000,
        lastState: () => run.describe(),
      },
    );
    project.open('go');
    const exit = await run.end();

    expect(`${String(exit.code)} ${exit.code === 0 ? '' : run.describe()}`).toBe('0 ');
    const jobs = ['backend', ...FOLDERS.flatMap((folder) => [mainOf(folder), agentOf(folder)])];
    expectVerdicts(run, Object.fromEntries(jobs.map((job) => [job, 'passed'])));
    expect(endedIn(run)).toEqual(tasksOn(...FOLDERS));
    for (const folder of FOLDERS) {
      expect(readFileSync(run.artifact(mainOf(folder), `${folder}/dist/libs/alpha/out.txt`), 'utf8')).toBe(
        `alpha:build\nalpha of ${folder}, changed\n`,
      );
      expect(ownLines(run.log(mainOf(folder)))).toContainEqual(
        expect.stringMatching(new RegExp(`^dte: session 1217-\\d+-${idOf(folder)} · 1 agent · \\d slots$`)),
      );
    }
    // Each main job keeps its own history.
    expect(plain(run.process.output())).toMatch(/apps\/web\/\.nx\/dte\/history\/: found [1-9]/);
    expect(plain(run.process.output())).toMatch(/services\/api\/\.nx\/dte\/history\/: found [1-9]/);
    await project.everybodyGone();
  });

  it('fails if a task of one workspace fails, and runs nothing of the other, which no file changed', async () => {
    const file = `${API}/libs/beta/project.json`;
    const run = await project.startPipeline({
      env: LIGHT_NX,
      variables: change({ [file]: project.read(file).replace('beta:test', 'beta:test exit=1') }),
    });
    const exit = await run.end();

    expect(exit.code).toBe(1);
    expectVerdicts(
      run,
      {
        [mainOf(WEB)]: 'passed',
        [mainOf(API)]: 'failed',
        [agentOf(WEB)]: 'passed',
        [agentOf(API)]: 'passed',
      },
      { partial: true },
    );
    expect(endedIn(run).filter((line) => !line.startsWith(machineOf(API)))).toEqual([]);
    expect(endedIn(run)).toContain(`${machineOf(API)} beta:test`);
    project.git('revert', '--no-edit', 'HEAD');
    await project.everybodyGone();
  });

  inSchedule(
    '--dynamic: the child pipeline of a workspace has its jobs, and the other workspace stays as it was',
    async () => {
      await succeeds(WEB, 'npx nx g @org/dte:setup-gitlab --dynamic');
      project.open('go');
      const run = await project.startPipeline({
        env: LIGHT_NX,
        variables: change({ [`${WEB}/libs/alpha/source.txt`]: `alpha of ${WEB}, once more\n` }),
      });
      const exit = await run.end();

      expect(`${String(exit.code)} ${exit.code === 0 ? '' : run.describe()}`).toBe('0 ');
      expectVerdicts(
        run,
        {
          [`nx-plan:${idOf(WEB)}`]: 'passed',
          [`nx-pipeline:${idOf(WEB)}`]: 'passed',
          [`[nx-pipeline:${idOf(WEB)}] -> ${mainOf(WEB)}`]: 'passed',
          [`[nx-pipeline:${idOf(WEB)}] -> ${agentOf(WEB)}`]: 'passed',
          [mainOf(API)]: 'passed',
        },
        { partial: true },
      );
      expect(endedIn(run)).toEqual(tasksOn(WEB));
      await project.everybodyGone();
    },
  );

  it('is as before after `remove` in both', async () => {
    for (const folder of FOLDERS) await succeeds(folder, 'npx nx g @org/dte:remove');
    expect(project.read('.gitlab-ci.yml')).not.toContain('include');
    for (const folder of FOLDERS) expect(existsSync(join(project.clone, folder, '.gitlab'))).toBe(false);
  });
});
