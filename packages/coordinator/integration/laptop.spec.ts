import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { HTTP } from '@org/dte-protocol';
import { type FakeGitlab, runSpec, startFakeGitlab, taskSpec } from '@org/dte-testing';
import { agentSync, completed, success } from './support/harness';
import { type RunningPipeline, SharedBench } from './support/shared-cache';

const TOKEN = 'laptop-'.padEnd(40, '0');
/** Says that it ran in a file that is no output. */
const COMMAND = 'echo ran >> ran.txt && mkdir -p app/dist && echo built > app/dist/out.txt && echo told';
const PROJECT = {
  name: 'app',
  targets: {
    build: {
      executor: 'nx:run-commands',
      cache: true,
      inputs: ['{projectRoot}/source.txt'],
      outputs: ['{projectRoot}/dist'],
      options: { command: COMMAND },
    },
  },
};

let gitlab: FakeGitlab;
let bench: SharedBench;
let folder: string;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [] });
  bench = await SharedBench.open('standalone', gitlab);
  folder = await mkdtemp(join(tmpdir(), 'dte-laptop-'));
});
afterAll(async () => {
  await bench.cleanUp();
  await gitlab.close();
  await rm(folder, { recursive: true, force: true });
});

async function workspace(name: string): Promise<string> {
  const root = join(folder, name);
  await mkdir(join(root, 'app'), { recursive: true });
  await writeFile(join(root, 'package.json'), '{"name":"workspace","private":true}');
  await writeFile(join(root, 'nx.json'), '{"neverConnectToCloud":true}');
  await writeFile(join(root, 'app/project.json'), JSON.stringify(PROJECT));
  await writeFile(join(root, 'app/source.txt'), 'source');
  await symlink(join(__dirname, '../../../node_modules'), join(root, 'node_modules'));
  return root;
}

/** Plain Nx, which knows nothing of dte: only its own two variables. */
async function nx(root: string, server: string, token: string): Promise<string> {
  const manifest = require.resolve('nx/package.json');
  const { bin } = JSON.parse(await readFile(manifest, 'utf8')) as { bin: { nx: string } };
  const env = {
    PATH: process.env['PATH'],
    HOME: root,
    NX_DAEMON: 'false',
    NX_CACHE_DIRECTORY: join(root, '.cache'),
    NX_WORKSPACE_DATA_DIRECTORY: join(root, '.data'),
    NX_SELF_HOSTED_REMOTE_CACHE_SERVER: server,
    NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN: token,
  };
  const args = [join(dirname(manifest), bin.nx), 'run', 'app:build'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env });
  return stdout;
}
const read = (root: string, path: string): Promise<string | null> =>
  readFile(join(root, path), 'utf8').catch(() => null);

/** Nx runs the task as an agent of a pipeline of main, which the coordinator then accepts. */
async function buildOnMain(main: RunningPipeline): Promise<void> {
  const agent = await main.agent();
  // Without a hash: it is what Nx computes.
  await main.harness.submit(main.main, runSpec('r1', [taskSpec('app:build', [], { hash: null })]));
  await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
  const root = await workspace('agent');
  await nx(root, main.harness.url, agent.token);
  const hash = await hashIn(root);
  agent.send(agentSync(2, [completed('r1', 'app:build', success(hash))]));
  await bench.whenStored('main', hash);
}

/** Nx names the folders of its cache so. */
async function hashIn(root: string): Promise<string> {
  const { stdout } = await promisify(execFile)('ls', [join(root, '.cache')]);
  return stdout.split('\n').find((name) => /^[0-9]{10,}$/.test(name)) ?? '';
}

it('plain Nx on a laptop gets what main has built, and what it builds itself goes nowhere', async () => {
  const file = join(folder, 'tokens');
  await writeFile(file, `42 ${TOKEN}\n`);
  const main = await bench.pipeline('main', { cacheReadTokenFile: file });
  await buildOnMain(main);

  const laptop = await workspace('laptop');
  const hit = await nx(laptop, main.harness.url, TOKEN);
  expect(hit).toContain('[remote cache]');
  expect(hit).toContain('told');
  expect([await read(laptop, 'app/dist/out.txt'), await read(laptop, 'ran.txt')]).toEqual(['built\n', null]);

  // Another source: a miss, which Nx runs as it would without a cache; the coordinator takes nothing.
  await writeFile(join(laptop, 'app/source.txt'), 'another');
  expect(await nx(laptop, main.harness.url, TOKEN)).toContain('Successfully ran target build');
  expect(await read(laptop, 'ran.txt')).toBe('ran\n');
  await cp(laptop, join(folder, 'other'), {
    recursive: true,
    filter: (path) => !/\.(cache|data)$/.test(path),
  });
  const again = await nx(join(folder, 'other'), main.harness.url, TOKEN);
  expect(again).not.toContain('[remote cache]');
  const status = await main.call(TOKEN, HTTP.sessionStatus);
  expect(status.status).toBe(403);
});
