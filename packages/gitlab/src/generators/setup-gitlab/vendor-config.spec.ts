import { parse } from 'yaml';
import { documents, jobsOf, pipelineProblems, schemaProblems } from '../../pipeline/test-support/ci-schema';
import { filesOf, setUp, takeOut, workspace, type Files } from '../test-support/workspace';
import { MANUAL_RECIPE_24 } from '../test-support/vendor-pipelines';

const CI = '.gitlab-ci.yml';
const OURS = '.gitlab/dte.yml';
const RULES = '.nx/dte.yaml';

/** Set up, set up again, remove: the second step changes nothing, and the third restores the original. */
async function migrate(files: Files): Promise<{ after: Files; said: string }> {
  const tree = workspace(files);
  const before = filesOf(tree);
  const said = await setUp(tree);
  const after = filesOf(tree);
  expect(await setUp(tree)).toContain('everything is up to date');
  expect(filesOf(tree)).toEqual(after);
  await takeOut(tree);
  expect(filesOf(tree)).toEqual(before);
  return { after, said };
}

const rulesIn = (files: Files): unknown =>
  (parse(files[RULES] ?? '{}') as Record<string, unknown>)['assignment-rules'];
const optionsIn = (files: Files): object =>
  (JSON.parse(files['nx.json']!) as { tasksRunnerOptions: { default: { options: object } } })
    .tasksRunnerOptions.default.options;

const CI_CONFIG = `# comment
lifecycle:
  stop-after:
    - build
    - e2e-ci
    - lint
  fail-after: 1
  heartbeat: true
ai:
  fix-tasks-patterns: ['*lint*']
dte:
  enabled-by-default: true
  distribute-on:
    small-changeset: 1 linux-medium-js
    large-changeset: 4 linux-medium-js, 2 linux-large-js
  assignment-rules:
    - targets: [e2e-ci*]
      run-on:
        - agent: linux-large-js
          parallelism: 1
nx-agents:
  with-env-vars: [CHROMATIC_SHA, CI_X]
overrides:
  main:
    dte: { enabled-by-default: false }
later: {}
`;

describe("setup-gitlab on the vendor's configuration file", () => {
  it('converts it, and reports each line', async () => {
    const { after, said } = await migrate({ '.nx/ci-config.yaml': CI_CONFIG });
    expect(rulesIn(after)).toEqual([
      { targets: ['e2e-ci*'], 'run-on': [{ agent: 'linux-large-js', parallelism: 1 }] },
    ]);
    expect(optionsIn(after)).toEqual({
      accessToken: 'dte',
      forwardEnv: ['CHROMATIC_SHA', 'CI_X'],
      stopAgentsOnFailure: true,
    });
    const [pipeline] = documents(after[OURS]!);
    expect(pipelineProblems(pipeline!)).toEqual([]);
    expect(jobsOf(pipeline!)).toMatchObject({
      nx: { variables: { DTE_EXPECTED_AGENTS: 6 } },
      'nx-agent': { parallel: 4, variables: { DTE_LABELS: 'linux-medium-js' } },
      'nx-agent-linux-large-js': {
        parallel: 2,
        variables: { DTE_LABELS: 'linux-large-js', DTE_RENDEZVOUS: 'gitlab-packages' },
        script: expect.arrayContaining(['npx dte start-agent']) as unknown,
        allow_failure: true,
      },
    });
    // Of every setting of the file, there is a line in the report.
    const lines = [3, 7, 8, 10, 12, 13, 16, 22, 24, 26];
    for (const line of lines) expect(said).toContain(`.nx/ci-config.yaml:${line}:`);
  });

  it('takes its flags where the pipeline runs start-nx-agents, with the target that runs last', async () => {
    const { after, said } = await migrate({
      [CI]: MANUAL_RECIPE_24,
      '.nx/ci-config.yaml': 'dte:\n  distribute-on: manual\nlifecycle:\n  stop-after: [e2e-ci, lint]\n',
      'yarn.lock': '',
    });
    expect(after[CI]).toContain(
      '- yarn dte start-ci-run --distribute-on=manual --stop-agents-after=e2e-ci\n',
    );
    expect(after[CI]).not.toMatch(/upload-agent-metrics$|fix-ci$/m);
    expect(said).toContain('upload-agent-metrics: nothing is uploaded');
    expect(after).not.toHaveProperty([OURS]);
    expect(documents(after[CI]!).flatMap(schemaProblems)).toEqual([]);
  });

  it('keeps rules that exist already', async () => {
    const tree = workspace({ '.nx/ci-config.yaml': CI_CONFIG, [RULES]: 'assignment-rules: []\n' });
    expect(await setUp(tree)).toContain(".nx/dte.yaml: there are rules already: the vendor's were not added");
    expect(tree.read(RULES, 'utf-8')).toBe('assignment-rules: []\n');
    expect(parse(tree.read(OURS, 'utf-8')!)).toMatchObject({ 'nx-agent': { parallel: 6 } });
  });

  it('says that git ignores the rules', async () => {
    const { said } = await migrate({ '.nx/ci-config.yaml': CI_CONFIG, '.gitignore': 'dist\n.nx\n' });
    expect(said).toContain('.gitignore: it ignores .nx');
  });
});

const WORKFLOW = `launch-templates:
  linux-medium-js:
    resource-class: docker_linux_amd64/medium
    init-steps:
      - name: Install
assignment-rules:
  - project: app1
    target: build
    configuration: production
    runs-on:
      - linux-large-js
      - linux-medium-js
  - projects: [web, api]
    targets:
      - lint
      - 'e2e-ci*,!e2e-ci--slow*'
    run-on:
      - agent: linux-medium-js
        parallelism: 3
  - targets: ['lint,build']
    run-on:
      - agent: linux-large-js
`;

describe("setup-gitlab on the vendor's workflows", () => {
  it.each([
    [
      'a flag names',
      'npx nx-cloud start-ci-run --distribute-on=manual --assignment-rules=".nx/workflows/rules.yaml"',
    ],
    ['nothing names', 'npx nx-cloud start-ci-run --distribute-on="2 linux-medium-js"'],
  ])('that %s: the same rules, split where our lists cannot say the same', async (_, command) => {
    const { after, said } = await migrate({
      [CI]: `main:\n  script:\n    - npm ci\n    - ${command}\n    - npx nx affected -t build\n`,
      '.nx/workflows/rules.yaml': WORKFLOW,
    });
    const runOn = [{ agent: 'linux-medium-js', parallelism: 3 }];
    expect(rulesIn(after)).toEqual([
      {
        projects: ['app1'],
        targets: ['build'],
        configurations: ['production'],
        'run-on': [{ agent: 'linux-large-js' }, { agent: 'linux-medium-js' }],
      },
      { projects: ['web', 'api'], targets: ['lint'], 'run-on': runOn },
      { projects: ['web', 'api'], targets: ['e2e-ci*', '!e2e-ci--slow*'], 'run-on': runOn },
    ]);
    expect(said).toContain('.nx/workflows/rules.yaml:20: this rule was not converted: targets lint,build');
    expect(said).toContain('.nx/workflows/rules.yaml:2: launch template linux-medium-js');
    // Whatever agents there are, each label of a rule is on some of them.
    const labels = Object.values(
      parse(after[OURS]!) as Record<string, { variables?: { DTE_LABELS?: string } }>,
    )
      .flatMap((job) => job.variables?.DTE_LABELS?.split(',') ?? [])
      .sort();
    expect(labels).toEqual(['linux-large-js', 'linux-medium-js']);
  });

  it('gives the labels of own agents another name, and reports those that no agent has', async () => {
    const agent = `agent:\n  variables:\n    NX_AGENT_LAUNCH_TEMPLATE: linux-medium-js\n  script:\n    - npx nx-cloud start-agent\n`;
    const main = `main:\n  script:\n    - npx nx-cloud start-ci-run --assignment-rules=.nx/workflows/rules.yaml\n`;
    const { after, said } = await migrate({ [CI]: main + agent, '.nx/workflows/rules.yaml': WORKFLOW });
    expect(after[CI]).toContain('    DTE_LABELS: linux-medium-js\n');
    expect(said).toContain('no agent job has the labels linux-large-js,');
  });
});
