import {
  processesBelow,
  startFakeGitlab,
  waitFor,
  type FakeGitlab,
  type RunningProcess,
} from '@org/dte-testing';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliWorld } from './cli-world';

/*
 * The credentials of a job must be only in the memory of our processes: neither a task, which runs as the same user,
 * nor a reader of the files on disk may find them.
 */
const SECRET = 'canary-of-the-secret-1f0c';

// Every command is a separate process, on two cores that the other tests also use.
jest.setTimeout(180_000);

let gitlab: FakeGitlab;
let world: CliWorld;
let idTokens: string[];
let env: Record<string, string>;
const started: RunningProcess[] = [];

beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
});
afterAll(() => gitlab.close());
beforeEach(() => {
  world = new CliWorld();
  // Executors never become ready, so that no agent leaves because it has none.
  world.write(
    'node_modules/nx/src/utils/workspace-root.js',
    'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);',
  );
  const claims = { project_id: '7', pipeline_id: '1001', sha: 'a'.repeat(40) };
  idTokens = ['50', '51'].map((id) => gitlab.idToken({ ...claims, job_id: id }));
  env = {
    DTE_SECRET: SECRET,
    DTE_ID_TOKEN: idTokens[0] ?? '',
    DTE_GITLAB_TOKEN: `${SECRET}-gitlab`,
    DTE_NOTE_TOKEN: `${SECRET}-note`,
    DTE_S3_ACCESS_KEY_ID: `${SECRET}-key`,
    DTE_S3_SECRET_ACCESS_KEY: `${SECRET}-secret-key`,
    DTE_S3_SESSION_TOKEN: `${SECRET}-session`,
    CI: 'true',
    CI_SERVER_URL: gitlab.url,
    CI_PROJECT_ID: '7',
    CI_PIPELINE_ID: '1001',
    CI_JOB_ID: '50',
  };
  world.env = { NO_COLOR: '1' };
});
afterEach(async () => {
  for (const process of started.splice(0)) process.signalTree('SIGKILL');
  await world.close();
});

const start = (args: readonly string[], change: Record<string, string> = {}): RunningProcess => {
  const process = world.start(args, { ...env, ...change });
  started.push(process);
  return process;
};

/** Everything of ours that another process of this user can read now: environments and command lines. */
function readable(): [string, string][] {
  return processesBelow(world.root).flatMap(({ pid, command }): [string, string][] => {
    try {
      // A title that a process gives itself is in `cmdline` and `comm`, one of a thread in its own `comm`.
      const threads = readdirSync(`/proc/${pid}/task`).map((thread) => `task/${thread}/comm`);
      return ['environ', 'cmdline', 'comm', ...threads].map((file) => [
        `${file} of ${command}`,
        readFileSync(`/proc/${pid}/${file}`, 'latin1'),
      ]);
    } catch {
      return []; // it has exited
    }
  });
}

/** Command lines of every process of the machine: whoever started one of ours may have written a secret there. */
function allCommandLines(): [string, string][] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid): [string, string][] => {
      try {
        return [[`cmdline of process ${pid}`, readFileSync(`/proc/${pid}/cmdline`, 'latin1')]];
      } catch {
        return []; // it has ended
      }
    });
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const showsSecret = (text: string): boolean => [SECRET, ...idTokens].some((canary) => text.includes(canary));

/** All places in which a canary value is found. */
const found = (): string[] => {
  const files = filesBelow(world.root).map((path): [string, string] => [path, readFileSync(path, 'latin1')]);
  return [...readable(), ...allCommandLines(), ...files]
    .filter(([, text]) => showsSecret(text))
    .map(([where]) => where);
};
const processesOf = (word: string) =>
  processesBelow(world.root).filter(({ command }) => command.includes(word));

it('an embedded coordinator, an agent and a service leave them in no environment, command line, file or output', async () => {
  const rendezvous = { DTE_RENDEZVOUS_DIR: world.rendezvousDir };
  const main = start(['start-ci-run'], rendezvous);
  expect((await main.end()).code).toBe(0);
  const agent = start(['start-agent', '--slots', '1'], { ...rendezvous, DTE_ID_TOKEN: idTokens[1] ?? '' });
  await agent.waitForOutput(/is connected to/);
  await waitFor('an executor', () => processesOf('executor/main').length > 0);
  const service = start([
    'coordinator',
    '--port',
    '0',
    '--issuers',
    gitlab.url,
    '--data-dir',
    join(world.root, 'service'),
  ]);
  await service.waitForOutput(/coordinator on \S+\n?/);
  const [, address = ''] = /coordinator on (\S+)/.exec(service.output()) ?? [];
  // Stays connected while the job exists: only if GitLab can be asked for that.
  const held = {
    DTE_COORDINATOR_URL: address,
    CI_API_V4_URL: gitlab.apiUrl,
    CI_JOB_TOKEN: gitlab.jobToken(7, '50'),
  };
  await start(['start-ci-run'], held).end();
  for (const word of ['coordinator --embedded', 'hold-session', 'start-agent', 'executor/main'])
    expect([word, processesOf(word).length > 0]).toEqual([word, true]);
  expect(found()).toEqual([]);
  expect(started.map((process) => process.output()).filter(showsSecret)).toEqual([]);
});

it.each([
  ['a command that is no nx', ['sh', '-c', 'env'], 'none'],
  ['a command line for a shell', ['echo "[$DTE_SECRET]"; env'], 'none'],
  ['nx, which needs the session for itself', ['sh', '-c', 'echo nx "[$DTE_SECRET]"'], SECRET],
])('record gives %s what it needs', async (_, command, secret) => {
  const { code, stdout } = await start(['record', '--', ...command]).end();
  expect(code).toBe(0);
  if (secret === 'none') {
    expect(stdout).not.toContain(SECRET);
    expect(stdout).not.toContain('DTE_ID_TOKEN');
    expect(stdout).not.toContain('DTE_HANDOVER');
  } else expect(stdout).toContain(`[${SECRET}]`);
});
