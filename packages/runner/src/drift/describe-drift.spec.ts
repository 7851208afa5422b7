import { describeDrift, type DriftCase } from './describe-drift';

const roots: Record<string, string> = { app: 'apps/app' };
const given = (change: Partial<DriftCase> = {}): DriftCase => ({
  taskId: 'app:build',
  agentName: 'agent-2',
  computed: '222',
  drift: { agreed: '111', checkout: { changes: {}, complete: true }, runtime: {}, env: {} },
  main: { command: 'c' },
  agent: { command: 'c' },
  own: {
    hasEnv: () => false,
    runtime: {},
    files: [],
    match: (patterns, paths) => [...paths].filter(() => patterns.length > 0),
  },
  rootOf: (project) => roots[project],
  policy: 'fail',
  ...change,
});
const base = given();

it('names task, agent, both hashes, each kind of input with both sides, and how to fix each kind', () => {
  const { message, short } = describeDrift(
    given({
      main: {
        command: 'c',
        'env:NODE_ENV': '1',
        'env:BOTH': '1',
        'runtime:node -v': '1',
        'npm:react': '1',
        'app:apps/app/**/*': '1',
        'app:ProjectConfiguration': '1',
      },
      agent: {
        command: 'c',
        'env:NODE_ENV': '2',
        'env:BOTH': '2',
        'runtime:node -v': '2',
        'npm:react': '2',
        'app:apps/app/**/*': '2',
        'app:ProjectConfiguration': '1',
      },
      drift: { ...base.drift, env: { NODE_ENV: true, BOTH: true }, runtime: { 'node -v': 'v22.1.0' } },
      own: {
        ...base.own,
        hasEnv: (name) => name === 'BOTH',
        runtime: { 'node -v': 'v20.1.0' },
        files: [{ path: 'apps/app/a.ts', how: 'only on the agent', side: 'agent' }],
      },
    }),
  );
  expect(message).toMatchInlineSnapshot(`
   "app:build has another hash on agent-2 (222) than on the main job (111). It did not run.
     Different inputs:
       - environment variable BOTH: another value on the agent
       - environment variable NODE_ENV: set on the agent, not set on the main job
       - runtime input \`node -v\`: "v22.1.0" on the agent, "v20.1.0" on the main job
       - file apps/app/a.ts: only on the agent
       - external dependency react: another version, or only on one side
     Environment: set the variable for all jobs (\`variables:\` at the top of .gitlab-ci.yml), or list it in the option forwardEnv.
     Runtime inputs: install the same tools in all jobs, ideally with the same image.
     Files: let every job do the same before its first nx command (code generation, formatting, git settings); what tasks write belongs in their \`outputs\` and in .gitignore.
     External dependencies: install from the lockfile in every job (npm ci)."
  `);
  expect(short).toMatchInlineSnapshot(
    `"app:build has another hash on agent-2 (222) than on the main job (111). environment variable BOTH: another value on the agent; environment variable NODE_ENV: set on the agent, not set on the main job"`,
  );
});

it('describes where to look when git finds no difference, and when there is no git', () => {
  const differs = { main: { 'app:apps/app/**/*': '1' }, agent: { 'app:apps/app/**/*': '2' } };
  expect(describeDrift(given(differs)).message).toMatch(
    /files apps\/app\/\*\*\/\*: git sees no difference .*line endings/,
  );
  const withoutGit = { ...base.own, files: null };
  expect(describeDrift(given({ ...differs, own: withoutGit })).message).toMatch(/without git on both sides/);
});

it('names a few of many packages', () => {
  const names = Array.from({ length: 40 }, (_, index) => [`npm:package-${index}`, '1']);
  const { message } = describeDrift(
    given({ agent: { command: 'c', ...(Object.fromEntries(names) as Record<string, string>) } }),
  );
  expect(message.match(/external dependency/g)).toHaveLength(3);
  expect(message).toContain('and 37 more');
});

it.each([
  ['fail', /It did not run\./],
  ['run-on-main', /The main job runs it itself\./],
  ['warn', /stored under the hash of the agent\./],
] as const)('describes what the run does about it: %s', (policy, words) => {
  expect(describeDrift(given({ policy })).message).toMatch(words);
});

it('reports when the inputs cannot be named', () => {
  expect(describeDrift(given()).message).toMatch(/no input that differs/);
  expect(describeDrift(given({ agent: null })).message).toMatch(/those of earlier tasks/);
  expect(describeDrift(given({ main: {} })).message).toMatch(/does not report/);
});
