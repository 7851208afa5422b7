import { parse } from 'yaml';
import {
  documents,
  jobsOf,
  merge,
  pipelineProblems,
  type Mapping,
} from '../../pipeline/test-support/ci-schema';
import { MemoryRepository } from '../test-support/repository';
import { MANUAL_RECIPE } from '../test-support/vendor-pipelines';
import { setUp, takeOut, type Files } from '../test-support/workspace';

const CI = '.gitlab-ci.yml';
const WEB = 'apps/web/.gitlab/dte.yml';
const API = 'services/api/.gitlab/dte.yml';

const BACKEND = 'stages: [build, test]\n# ours\nbackend:\n  stage:   build\n  script: [make]\n';

/** Everything that GitLab reads, merged as it does; the repository's includes must exist. */
function pipelineOf({ files }: MemoryRepository): Mapping {
  const [own] = documents(files.get(CI)!);
  const includes = [own!['include'] ?? []].flat() as { local: string }[];
  return includes
    .map(({ local }) => documents(files.get(local)!)[0]!)
    .reduceRight((all, each) => merge(each, all), own!);
}

/** Set up, set up again, remove. */
async function there(repository: MemoryRepository, folder: string, flags: object = {}): Promise<string> {
  const tree = repository.treeOf(folder);
  const before = repository.snapshot();
  const said = await setUp(tree, flags);
  const after = repository.snapshot();
  expect(await setUp(tree)).toContain('everything is up to date');
  expect(repository.snapshot()).toEqual(after);
  await takeOut(tree);
  expect(repository.snapshot()).toEqual(before);
  await setUp(tree, flags);
  expect(repository.snapshot()).toEqual(after);
  return said;
}

describe('setup-gitlab in a workspace below the root of its repository', () => {
  it("adds the include to the root's file, whose jobs begin in the workspace", async () => {
    const repository = new MemoryRepository({ [CI]: BACKEND });
    repository.addWorkspace('apps/web');
    const said = await there(repository, 'apps/web');
    expect(repository.files.get(CI)).toBe(`${BACKEND}\ninclude:\n  - local: ${WEB}\n`);
    expect(repository.files.has(`apps/web/${CI}`)).toBe(false);
    expect(said).toContain(`../../${CI}: include of ${WEB}`);
    expect(said).toContain('Nothing is left to do manually');
    expect(said).toContain('The workspace is the folder apps/web of its repository');
    const pipeline = pipelineOf(repository);
    expect(pipelineProblems(pipeline)).toEqual([]);
    expect(pipeline['nx:apps.web']).toMatchObject({
      script: expect.arrayContaining(['cd "$CI_PROJECT_DIR"/apps/web']) as unknown,
      artifacts: {
        when: 'always',
        paths: ['apps/web/dist', 'apps/web/.nx/dte/report/'],
        reports: { junit: 'apps/web/.nx/dte/report/junit.xml' },
      },
    });
  });

  it('creates the file of the root, and only there', async () => {
    const repository = new MemoryRepository({});
    repository.addWorkspace('apps/web');
    await there(repository, 'apps/web');
    expect(parse(repository.files.get(CI)!)).toEqual({ stages: ['test'], include: [{ local: WEB }] });
  });

  it('finds the image and the stages of the root, and a repository that is a submodule', async () => {
    const repository = new MemoryRepository({ [CI]: `image: node:22\n${BACKEND}` });
    repository.addWorkspace('apps/web');
    repository.files.delete('.git/HEAD');
    repository.files.set('.git', 'gitdir: ../.git/modules/x\n');
    await there(repository, 'apps/web');
    expect((parse(repository.files.get(WEB)!) as Mapping)['.dte:apps.web']).not.toHaveProperty('image');
  });

  it('says what nobody reads, if an earlier version wrote it', async () => {
    const repository = new MemoryRepository({});
    const tree = repository.addWorkspace('web', { [CI]: 'include:\n  - local: .gitlab/dte.yml\n' });
    const said = await setUp(tree);
    expect(said).toContain('.gitlab-ci.yml: GitLab does not read it here: it reads ../.gitlab-ci.yml');
  });

  it('without git, takes the workspace for the root and says so', async () => {
    const repository = new MemoryRepository({});
    const tree = repository.addWorkspace('web');
    repository.files.delete('.git/HEAD');
    expect(await setUp(tree)).toContain('No git repository was found');
    expect(repository.files.has(`web/${CI}`)).toBe(true);
  });
});

describe('setup-gitlab in several workspaces of one repository', () => {
  const both = async (files: Files, flags: object = {}): Promise<MemoryRepository> => {
    const repository = new MemoryRepository(files);
    for (const folder of ['apps/web', 'services/api']) await setUp(repository.addWorkspace(folder), flags);
    return repository;
  };

  it.each([[{}], [{ [CI]: BACKEND }], [{ [CI]: 'include: /jobs.yml\n', 'jobs.yml': 'x: {script: y}\n' }]])(
    'gives each its own jobs and sessions, and a second run changes nothing: %j',
    async (files) => {
      const repository = await both(files);
      const pipeline = pipelineOf(repository);
      expect(pipelineProblems(pipeline)).toEqual([]);
      const jobs = jobsOf(pipeline);
      const names = ['nx:apps.web', 'nx-agent:apps.web', 'nx:services.api', 'nx-agent:services.api'];
      expect(Object.keys(jobs)).toEqual(expect.arrayContaining(names));
      const environments = names.map((name) => (jobs[name]!['variables'] as Mapping)['DTE_ENVIRONMENT']);
      expect(environments).toEqual(['apps.web', 'apps.web', 'services.api', 'services.api']);
      const after = repository.snapshot();
      for (const folder of ['apps/web', 'services/api'])
        expect(await setUp(repository.treeOf(folder))).toContain('everything is up to date');
      expect(repository.snapshot()).toEqual(after);
    },
  );

  it.each([['services/api', 'apps/web', API] as const, ['apps/web', 'services/api', WEB] as const])(
    'removes one (%s) without harm to the other',
    async (gone, stays, include) => {
      for (const files of [{}, { [CI]: 'include: /jobs.yml\n' }, { [CI]: 'stages: [build]\n' }]) {
        const repository = await both({ ...files, 'jobs.yml': 'x: {script: y}\n' } as Files, { stage: 'nx' });
        const id = stays.replace('/', '.');
        await takeOut(repository.treeOf(gone));
        const pipeline = pipelineOf(repository);
        expect(pipelineProblems(pipeline)).toEqual([]);
        expect(Object.keys(jobsOf(pipeline))).toEqual(expect.arrayContaining([`nx:${id}`, `nx-agent:${id}`]));
        expect(pipeline['stages']).toContain('nx');
        expect(repository.files.get(CI)).not.toContain(include);
        if (CI in files && files[CI] !== undefined)
          expect(repository.files.get(CI)).toContain(files[CI].includes('jobs') ? 'jobs.yml' : 'build');
        await takeOut(repository.treeOf(stays));
        expect(repository.files.get(CI) ?? '').not.toContain('dte.yml');
        if (!(CI in files)) expect(repository.files.has(CI)).toBe(false);
      }
    },
  );

  it('also if one of them is the root', async () => {
    const repository = new MemoryRepository({});
    await setUp(repository.addWorkspace(''));
    await setUp(repository.addWorkspace('apps/web'));
    expect(Object.keys(jobsOf(pipelineOf(repository)))).toEqual(
      expect.arrayContaining(['nx', 'nx-agent', 'nx:apps.web', 'nx-agent:apps.web']),
    );
    expect(await setUp(repository.treeOf(''))).toContain('everything is up to date');
  });
});

describe("setup-gitlab on the vendor's recipe in the root's file", () => {
  const RECIPE = MANUAL_RECIPE.replaceAll('    - yarn install', '    - cd apps/web\n    - yarn install');

  it('rewrites the jobs of the workspace, in a session of their own', async () => {
    const repository = new MemoryRepository({ [CI]: RECIPE });
    repository.addWorkspace('apps/web');
    await there(repository, 'apps/web');
    expect(repository.files.has(WEB)).toBe(false);
    const { 'nx-dte': main, '.dte-agent': agent } = parse(repository.files.get(CI)!) as Record<
      string,
      Mapping
    >;
    for (const job of [main, agent]) expect(job!['variables']).toMatchObject({ DTE_ENVIRONMENT: 'apps.web' });
  });

  it('leaves the jobs of another workspace alone, and says so', async () => {
    const repository = new MemoryRepository({ [CI]: RECIPE });
    const tree = repository.addWorkspace('services/api');
    const said = await setUp(tree);
    expect(repository.files.get(CI)).toBe(`${RECIPE}\ninclude:\n  - local: ${API}\n`);
    expect(said).toMatch(/\.gitlab-ci\.yml:\d+: nx-dte runs the vendor's commands, but not in services\/api/);
    expect(parse(repository.files.get(API)!)).toHaveProperty(['nx:services.api']);
  });
});
