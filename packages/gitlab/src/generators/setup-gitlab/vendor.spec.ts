import { parse } from 'yaml';
import { documents, schemaProblems } from '../../pipeline/test-support/ci-schema';
import { filesOf, setUp, takeOut, workspace, type Files } from '../test-support/workspace';
import { MANUAL_RECIPE, SHARED_START, WORKFLOW_20, WORKFLOW_24 } from '../test-support/vendor-pipelines';

const CI = '.gitlab-ci.yml';
const OURS = '.gitlab/dte.yml';

async function migrate(files: Files, flags: object = {}): Promise<{ after: Files; said: string }> {
  const tree = workspace(files);
  const before = filesOf(tree);
  const said = await setUp(tree, flags);
  const after = filesOf(tree);
  for (const text of Object.entries(after).flatMap(([path, text]) => (path.endsWith('.yml') ? [text] : []))) {
    // The schema does not know references.
    if (!text.includes('!reference')) expect(documents(text).flatMap(schemaProblems)).toEqual([]);
  }
  expect(await setUp(tree, flags)).toContain('everything is up to date');
  expect(filesOf(tree)).toEqual(after);
  await takeOut(tree);
  expect(filesOf(tree)).toEqual(before);
  return { after, said };
}

describe("setup-gitlab on the vendor's manual recipe", () => {
  it('rewrites its lines in place, and adds what the jobs need, but no jobs', async () => {
    const { after, said } = await migrate({ [CI]: MANUAL_RECIPE });
    expect(after[CI]).toMatchSnapshot();
    expect(after).not.toHaveProperty([OURS]);
    expect(said).toContain('.gitlab-ci.yml:14: `yarn nx-cloud start-agent` is `yarn dte start-agent` now');
    expect(said).toContain('NX_CLOUD_DISTRIBUTED_EXECUTION_AGENT_COUNT');
    expect(said).toContain('delete NX_CLOUD_ACCESS_TOKEN');
  });

  it('names the standalone coordinator in the jobs when there is one', async () => {
    const { after } = await migrate({ [CI]: MANUAL_RECIPE }, { coordinator: 'https://dte.example.org' });
    expect(after[CI]).toContain('DTE_COORDINATOR_URL: https://dte.example.org\n');
    expect(after[CI]).not.toContain('DTE_RENDEZVOUS');
  });

  it('finds parts of it in files that the pipeline includes', async () => {
    const [agents, main] = MANUAL_RECIPE.split(/(?=# Creating template for a job)/);
    const { after } = await migrate({
      [CI]: `include:\n  - local: /ci/agents.yml\n\n${main!}`,
      'ci/agents.yml': agents!,
    });
    expect(after['ci/agents.yml']).toContain('yarn dte start-agent');
    expect(after).not.toHaveProperty([OURS]);
  });
});

describe("setup-gitlab on what the vendor's generator wrote", () => {
  it('of Nx 24, with everything of the vendor commented out', async () => {
    const { after, said } = await migrate({
      [CI]: WORKFLOW_24,
      'nx.json':
        '{ "nxCloudId": "abc", "namedInputs": { "sharedGlobals": ["{workspaceRoot}/.gitlab-ci.yml"] } }',
      '.nx/ci-config.yaml': '',
    });
    expect(after[CI]).toMatchSnapshot();
    const jobs = parse(after[OURS]!) as Record<string, object>;
    expect(jobs).not.toHaveProperty('nx');
    expect(jobs['nx-agent']).toMatchObject({ parallel: 3 });
    expect(said).toContain('removed nxCloudId');
    expect(said).toContain('sharedGlobals');
    expect(said).toContain('.nx/ci-config.yaml: it is no longer read');
  });

  it('of Nx 20, with agents that the vendor started: the same number of agent jobs, and start-ci-run below the install', async () => {
    const { after, said } = await migrate({ [CI]: WORKFLOW_20 });
    expect(after[CI]).toMatchSnapshot();
    expect(parse(after[OURS]!)).toMatchObject({ 'nx-agent': { parallel: 5 } });
    expect(JSON.parse(after['nx.json']!)).toMatchObject({
      tasksRunnerOptions: { default: { options: { forwardEnv: ['FEATURES'] } } },
    });
    expect(said).toContain('start-ci-run moved below the install');
  });

  it('with a template for several jobs reports that agents serve one main job', async () => {
    const { after, said } = await migrate({ [CI]: SHARED_START });
    expect(after[CI]).toContain(
      '    - npm ci\n    - npx dte start-ci-run --distribute-on=manual --stop-agents-after="build" # this line',
    );
    expect(said).toContain('lint, build all start dte');
  });
});

describe('jobs that share scripts', () => {
  it('get the keywords where GitLab reads them: in the job that refers, or in the job that overrides what it merges', async () => {
    const text = `.agent: &agent
  script: &lines
    - npm ci
    - npx nx-cloud start-agent
a:
  script:
    - !reference [.agent, script]
b:
  <<: *agent
  variables:
    X: 1
c:
  <<: *agent
d: { script: *lines }
main:
  id_tokens:
    OTHER:
      aud: x
  script:
    - npm ci
    - npx nx-cloud start-ci-run
`;
    const { after, said } = await migrate({ [CI]: text });
    const jobs = parse(after[CI]!, { merge: true, logLevel: 'silent' }) as Record<string, object>;
    const complete = {
      id_tokens: { DTE_ID_TOKEN: { aud: 'dte' } },
      variables: { DTE_RENDEZVOUS: 'gitlab-packages' },
    };
    for (const name of ['.agent', 'a', 'b', 'c'])
      expect(jobs[name]).toMatchObject({ ...complete, allow_failure: true });
    expect(jobs['main']).toMatchObject({ ...complete, id_tokens: { OTHER: {}, DTE_ID_TOKEN: {} } });
    expect(jobs['main']).not.toHaveProperty('allow_failure');
    expect(said).toContain('job d runs dte: add id_tokens');
  });
});

describe('remove after users have edited the rewritten lines', () => {
  it('undoes the rest and prints which lines were where', async () => {
    const tree = workspace({ [CI]: MANUAL_RECIPE });
    await setUp(tree);
    tree.write(
      CI,
      `# new\n${tree.read(CI, 'utf-8')!.replace('yarn dte start-agent', 'yarn dte start-agent --slots=3')}`,
    );
    const said = await takeOut(tree);
    expect(tree.read(CI, 'utf-8')).toBe(
      `# new\n${MANUAL_RECIPE.replace('yarn nx-cloud start-agent', 'yarn dte start-agent --slots=3')}`,
    );
    expect(said).toContain('previous content: - yarn nx-cloud start-agent');
    expect(said).toContain('.gitlab-ci.yml:15: still runs `dte start-agent`');
  });

  it('uses only the files when the record is gone', async () => {
    const tree = workspace({ [CI]: 'include: a.yml\n' });
    await setUp(tree);
    tree.delete('.gitlab/dte-undo.json');
    await takeOut(tree);
    expect(tree.read(CI, 'utf-8')).toBe('include:\n  - a.yml\n');
    expect(tree.exists(OURS)).toBe(false);
  });
});
