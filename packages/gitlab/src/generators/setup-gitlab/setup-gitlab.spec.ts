import { parse } from 'yaml';
import {
  filesOf,
  NX_JSON,
  PACKAGE_JSON,
  setUp,
  takeOut,
  workspace,
  type Files,
} from '../test-support/workspace';

const CI = '.gitlab-ci.yml';
const OURS = '.gitlab/dte.yml';

const shape = (text: string): Record<string, Record<string, unknown>> =>
  parse(text) as Record<string, Record<string, unknown>>;

/** Set up, set up again, remove: in every workspace, the second step changes nothing and the third restores the original. */
async function there(files: Files, flags: object = {}): Promise<{ after: Files; said: string }> {
  const tree = workspace(files);
  const before = filesOf(tree);
  const said = await setUp(tree, flags);
  const after = filesOf(tree);
  const again = await setUp(tree, flags);
  expect(filesOf(tree)).toEqual(after);
  expect(again).toContain('everything is up to date');
  await setUp(tree);
  expect(filesOf(tree)).toEqual(after);
  await takeOut(tree);
  expect(filesOf(tree)).toEqual(before);
  return { after, said };
}

describe('setup-gitlab in a workspace without a pipeline', () => {
  it('writes only the four files, and leaves no manual steps', async () => {
    const { after, said } = await there({});
    expect(Object.keys(after).sort()).toEqual([CI, OURS, 'nx.json', 'package-lock.json', 'package.json']);
    expect(after[CI]).toContain('stages:\n  - test\n\ninclude:\n  - local: .gitlab/dte.yml\n');
    expect(JSON.parse(after['nx.json']!)).toEqual({
      defaultBase: 'trunk',
      tasksRunnerOptions: { default: { runner: '@org/dte', options: { accessToken: 'dte' } } },
    });
    expect(JSON.parse(after['package.json']!)).toMatchObject({
      devDependencies: { 'nx-cloud': 'npm:@org/dte-nx-cloud-shim@0.1.0' },
    });
    expect(shape(after[OURS]!)).toMatchObject({ nx: {}, 'nx-agent': { parallel: 3 } });
    expect(after[OURS]).toContain('trunk');
    expect(said).toContain('Nothing is left to do manually');
  });

  it('writes what the flags specify, and a run without flags keeps it', async () => {
    const { after } = await there(
      { '.nvmrc': 'v20.11.1\n' },
      { agents: 7, parallel: '4', targets: 'lint test', tags: 'big,linux', artifacts: 'none', stage: 'nx' },
    );
    const { 'nx-agent': agent, '.dte': common } = shape(after[OURS]!);
    expect(agent).toMatchObject({ parallel: 7 });
    expect(common).toMatchObject({ stage: 'nx', tags: ['big', 'linux'], image: 'node:20.11.1' });
    expect(after[OURS]).toContain('-t lint,test --parallel=4');
    expect(shape(after[OURS]!)['nx']).toMatchObject({ artifacts: { paths: ['.nx/dte/report/'] } });
    expect(after[CI]).toContain('  - nx\n');
  });

  it.each([
    ['embedded', 'DTE_RENDEZVOUS: gitlab-packages'],
    ['https://dte.example.org:7337', 'DTE_COORDINATOR_URL: https://dte.example.org:7337'],
  ])('with --coordinator=%s gives jobs %s', async (coordinator, variable) => {
    expect((await there({}, { coordinator })).after[OURS]).toContain(variable);
  });

  it.each([
    ['package-lock.json', '{}', {}, 'npm ci'],
    ['yarn.lock', '# yarn lockfile v1', {}, 'yarn install --frozen-lockfile'],
    ['yarn.lock', '__metadata:\n  version: 8', {}, 'yarn install --immutable'],
    ['yarn.lock', '', { packageManager: 'yarn@4.1.0+sha512.x' }, 'yarn install --immutable'],
    ['yarn.lock', '', { packageManager: 'yarn@1.22.22' }, 'yarn install --frozen-lockfile'],
    ['pnpm-lock.yaml', '', {}, 'pnpm install --frozen-lockfile'],
    ['bun.lock', '', {}, 'bun install --frozen-lockfile'],
  ])('with %s (%j, %j) installs by %s', async (lockfile, text, manifest, command) => {
    const tree = workspace({
      'package-lock.json': null,
      [lockfile]: text,
      'package.json': JSON.stringify({ devDependencies: { '@org/dte': '0.1.0' }, ...manifest }),
    });
    await setUp(tree);
    expect(tree.read(OURS, 'utf-8')).toContain(command);
    expect(tree.read(OURS, 'utf-8')).toContain(lockfile);
  });

  const coordinator = 'https://dte.example.org';
  it.each([
    [
      { cache: 'gitlab-artifacts' },
      'gitlab-artifacts',
      ['dist', '.nx/dte/report/', '.nx/dte/cache/'],
      'DTE_GITLAB_TOKEN',
    ],
    [{ cache: 's3' }, 's3', ['dist', '.nx/dte/report/'], 'the bucket and its credentials'],
    [
      { cache: 's3', coordinator },
      undefined,
      ['dist', '.nx/dte/report/'],
      'start `dte coordinator` with --cache=s3',
    ],
    [
      { cache: 'coordinator', coordinator },
      undefined,
      ['dist', '.nx/dte/report/'],
      'start `dte coordinator` with --cache=coordinator',
    ],
  ])(
    'with %j sets the option cache to %s, keeps %j and says what is left to do',
    async (flags, cache, paths, left) => {
      const { after, said } = await there({}, flags);
      const { tasksRunnerOptions } = JSON.parse(after['nx.json']!) as Record<
        string,
        Record<string, { options: object }>
      >;
      expect(tasksRunnerOptions!['default']!.options).toEqual({
        accessToken: 'dte',
        ...(cache && { cache }),
      });
      expect(shape(after[OURS]!)['nx']).toMatchObject({ artifacts: { paths, when: 'always' } });
      expect(said).toContain(left);
    },
  );

  it('takes a cache that nx.json has, and --cache=none removes it everywhere', async () => {
    const tree = workspace();
    await setUp(tree);
    const before = filesOf(tree);
    const nxJson = tree.read('nx.json', 'utf-8')!;
    tree.write(
      'nx.json',
      nxJson.replace('"accessToken"', '"cache": "gitlab-artifacts",\n        "accessToken"'),
    );
    await setUp(tree);
    expect(tree.read(OURS, 'utf-8')).toContain('.nx/dte/cache/');
    await setUp(tree, { cache: 'none' });
    const after = filesOf(tree);
    expect([after['nx.json'], after[OURS]]).toEqual([before['nx.json'], before[OURS]]);
  });

  it('requires a lock file', async () => {
    expect(await setUp(workspace({ 'package-lock.json': null }))).toContain(
      'package-lock.json: commit the lockfile',
    );
  });

  it.each([
    [{ agents: 0 }, '--agents'],
    [{ coordinator: 'ftp://x' }, '--coordinator'],
    [{ targets: ', ' }, '--targets'],
    [{ cache: 'disk' }, '--cache: expected none, s3, gitlab-artifacts, coordinator'],
    [{ cache: 'coordinator' }, '--cache=coordinator'],
    [{ cache: 'gitlab-artifacts', coordinator: 'https://dte.example.org' }, '--cache=gitlab-artifacts'],
  ])('rejects %j and names the flag', async (flags, name) => {
    const tree = workspace();
    await expect(setUp(tree, flags)).rejects.toThrow(name);
    expect(tree.read('nx.json', 'utf-8')).toBe(NX_JSON);
    expect(tree.read('package.json', 'utf-8')).toBe(PACKAGE_JSON);
  });

  it('writes the dynamic form and remembers it', async () => {
    const { after } = await there({}, { dynamic: true });
    expect(shape(after[OURS]!)).toHaveProperty('nx-plan');
  });
});

describe('setup-gitlab in addition to an existing pipeline', () => {
  it('adds the include and keeps comments, anchors and references', async () => {
    const text =
      'image: node:22\n# ours\nstages: [verify, deploy]\n\n.base: &base\n  tags: [x]   # why\n\ndeploy:\n  <<: *base\n  stage: deploy\n  script:\n    - !reference [.setup, script]\n    - ./deploy.sh\n';
    const { after, said } = await there({ [CI]: text });
    expect(after[CI]).toBe(`${text}\ninclude:\n  - local: .gitlab/dte.yml\n`);
    expect(shape(after[OURS]!)['.dte']).toMatchObject({ stage: 'verify' });
    expect(shape(after[OURS]!)['.dte']).not.toHaveProperty('image');
    expect(said).toContain('Nothing is left to do manually');
  });

  it('restores an include that had another form, from the record', async () => {
    const { after } = await there({ [CI]: 'include: /jobs.yml\n' });
    expect(after).toHaveProperty(['.gitlab/dte-undo.json']);
  });

  it('adds a stage that the pipeline does not have', async () => {
    const { after } = await there({ [CI]: 'stages:\n  - build\n  - deploy\n' }, { stage: 'nx' });
    expect(after[CI]).toContain('stages:\n  - build\n  - nx\n  - deploy\n');
  });

  it('reports jobs that run the same nx command, and jobs that have the name of a dte job', async () => {
    const text = 'test:\n  script:\n    - npx nx affected -t test\nnx:\n  script: echo\n';
    const { said } = await there({ [CI]: text });
    expect(said).toContain('.gitlab-ci.yml:3: test runs nx too');
    expect(said).toContain('.gitlab-ci.yml:4: job nx has the same name');
  });

  it('writes the rest and prints the exact lines when it cannot add the include', async () => {
    const text = 'include: !reference [.x, y]\n';
    const tree = workspace({ [CI]: text });
    expect(await setUp(tree)).toContain('add include: ⏎   - local: .gitlab/dte.yml');
    expect(tree.read(CI, 'utf-8')).toBe(text);
    expect(tree.exists(OURS)).toBe(true);
  });
});
