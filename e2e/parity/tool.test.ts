import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  DEFAULT_NX_VERSION,
  install,
  linkFolder,
  type ProcessExit,
  processTree,
  REPOSITORY,
  RunningProcess,
} from '@org/dte-testing';
import { expectExit } from '../support/expect-exit';
import { ownLines, plain } from '../support/log';
import { inSchedule } from '../support/scheduled';

// Each comparison copies a workspace several times and runs a command several times, on cores that other tests also use.
jest.setTimeout(1_200_000);

const script = (text: string): string => `node -e ${JSON.stringify(text)}`;
const writes = (name: string, value: string): string =>
  script(
    `require('fs').writeFileSync('${name}.txt', ${value}); console.log('${name}'); setTimeout(() => {}, 100)`,
  );

/** Tasks of one project that write a file each; `alike` writes the same everywhere, the others do not. */
const WRITING = {
  // The times in its log and in its report differ.
  alike: script(
    "const fs = require('fs'); const ms = process.hrtime()[1] % 1000; fs.writeFileSync('alike.txt', 'alike at ' + new Date().toISOString()); console.log('alike in ' + ms + ' ms'); setTimeout(() => {}, 100)",
  ),
  // A different time each run: two plain runs differ as well.
  unstable: writes('unstable', "'x' + process.hrtime.bigint()"),
  // Only the jobs of a pipeline have a name.
  named: writes('named', 'String(process.env.CI_JOB_NAME)'),
  // The main job's script sets it; it is no input of the task, and agents do not have it.
  untracked: writes('untracked', 'String(process.env.UNTRACKED)'),
};

/** Plain Nx 23 ends such a command with 0, although a task failed and others have not run, and prints no summary. */
const quits = (project: string): object => ({
  name: project,
  targets: {
    alone: {
      command: script("setTimeout(() => console.log('alone'), 200)"),
      parallelism: false,
      cache: true,
    },
    fail: { command: script(project === 'b' ? 'process.exit(3)' : 'setTimeout(() => {}, 100)') },
    serve: { command: script("console.log('ready'); setInterval(() => {}, 1000)"), continuous: true },
    e2e: { command: script("setTimeout(() => console.log('tested'), 500)"), dependsOn: ['serve'] },
  },
});

const FILES: Record<string, object> = {
  'nx.json': {
    defaultBase: 'main',
    analytics: false,
    nxCloudId: 'of somebody else',
    tasksRunnerOptions: { default: { options: { runOnMain: ['one:here'] } } },
  },
  'package.json': { name: 'theirs', private: true },
  'one/project.json': {
    name: 'one',
    targets: {
      ...Object.fromEntries(
        Object.entries(WRITING).map(([name, command]) => [
          name,
          { command, cache: true, outputs: [`{workspaceRoot}/${name}.txt`] },
        ]),
      ),
      here: { command: script("console.log('here'); setTimeout(() => {}, 100)") },
      slow: { command: script("console.log('slow'); setTimeout(() => {}, 600000)") },
    },
  },
  ...Object.fromEntries(['a', 'b', 'c', 'd'].map((project) => [`${project}/project.json`, quits(project)])),
};

interface Report {
  readonly exitCode: number;
  readonly sentence: string;
  readonly agents: number;
  readonly rounds: readonly {
    readonly tasks: readonly { id: string; plain: string; distributed: string; place: string }[];
    readonly plainNxIsWrong: object | null;
    readonly notCompared: readonly string[];
  }[];
}

/** Everything about the files below a folder that a program could change. */
function stateOf(root: string): Record<string, string> {
  const state: Record<string, string> = {};
  const visit = (below: string): void => {
    for (const name of readdirSync(join(root, below))) {
      const path = join(below, name);
      const { mode, size, mtimeMs, ctimeMs, nlink, ino } = lstatSync(join(root, path));
      // Other tests use the same files of node_modules, as hard links.
      const links = path.startsWith('node_modules') ? [] : [ctimeMs, nlink];
      state[path] = [mode, size, mtimeMs, ino, ...links].join(' ');
      if (lstatSync(join(root, path)).isDirectory()) visit(path);
    }
  };
  visit('');
  return state;
}

describe('dte parity', () => {
  let folder: string;
  let workspace: string;
  let temporary: string;

  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], {
      cwd: workspace,
      encoding: 'utf8',
    });
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  };

  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'parity-test-')));
    [workspace, temporary] = [join(folder, 'workspace'), join(folder, 't')];
    mkdirSync(temporary);
    for (const [path, content] of Object.entries(FILES)) write(path, JSON.stringify(content));
    write('.gitignore', 'node_modules\n.nx\n*.txt\n');
    const from = join(install({ nx: DEFAULT_NX_VERSION }), 'node_modules');
    mkdirSync(join(workspace, 'node_modules'));
    // A workspace without @org/dte.
    for (const name of readdirSync(from)) {
      if (name !== '@org' && name !== 'nx-cloud' && name !== '.bin')
        linkFolder(join(from, name), join(workspace, 'node_modules', name));
    }
    execFileSync('cp', ['-a', join(from, '.bin'), join(workspace, 'node_modules')]);
    rmSync(join(workspace, 'node_modules', '.bin', 'dte'), { force: true });
    git('init', '--quiet', '--initial-branch=main');
    git('add', '--all');
    git('commit', '--quiet', '--message', 'First');
    write('one/not-committed.md', 'new\n');
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (command: readonly string[], cwd: string, env: Record<string, string> = {}): RunningProcess =>
    new RunningProcess({
      name: 'parity',
      command: process.execPath,
      args: command,
      cwd,
      env: { ...process.env, TMPDIR: temporary, ...env },
    });
  const cli = (): string => join(install({ nx: null }), 'node_modules/@org/dte/dist/cli/main.js');
  /** As `npx @org/dte parity`: the packages are somewhere else. */
  const dte = (...args: string[]): Promise<ProcessExit> =>
    start([cli(), 'parity', ...args], workspace).end(900_000);
  const report = async (...args: string[]): Promise<{ exit: ProcessExit; report: Report }> => {
    const exit = await dte('--json', ...args);
    return { exit, report: JSON.parse(exit.stdout) as Report };
  };
  const lastLine = (exit: ProcessExit): string => plain(exit.stdout).trimEnd().split('\n').at(-1) ?? '';

  it('shows what differs in a workspace without @org/dte, and leaves the workspace untouched', async () => {
    // Git itself locks its index for this.
    const status = git('status', '--porcelain');
    const before = stateOf(workspace);
    const args = ['--main-env=UNTRACKED', '--', 'nx', 'affected', '-t', 'alike,unstable,named,untracked'];

    const process = start(['tools/parity.mjs', workspace, ...args], REPOSITORY, { UNTRACKED: 'set' });
    const exit = await process.end(900_000);

    expectExit(exit, 1);
    expect(stateOf(workspace)).toEqual(before);
    expect(git('status', '--porcelain')).toBe(status);
    expect(readdirSync(temporary)).toEqual([]);
    expect(lastLine(exit)).toBe('Not safe yet: 2 of 4 tasks differ (one:named, one:untracked).');
    const lines = plain(exit.stdout).split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^time +\d+ s +\d+ s +\d+\.\d\d × the plain time/));
    expect(lines).toContainEqual(expect.stringMatching(/^tasks +4 +4 +4 on 2 agents$/));
    const at = lines.findIndex((line) => line.startsWith('  one:untracked (agent-'));
    expect(lines.slice(at + 1, at + 4)).toEqual([
      '    file untracked.txt',
      '      - set',
      '      + undefined',
    ]);
    expect(lines).toContain('  one:unstable (unstable.txt)');
    // What runs, and for how long.
    expect(plain(exit.stderr)).toMatch(/^ {2}Plain Nx …$[^]*^✔ Plain Nx: 4 tasks, exit code 0 · \d+ s$/m);
    expect(plain(exit.stderr)).toMatch(/^✔ Distributed: 4 tasks, exit code 0 · \d+ s$/m);
  });

  it('says that a workspace is safe, and compares what a second run finds in its caches', async () => {
    const { exit, report: found } = await report(
      '--warm',
      '--agents=1',
      '--',
      'nx',
      'run-many',
      '-t',
      'alike',
    );

    expectExit(exit, 0);
    expect(found.sentence).toBe('Safe to distribute: 1 task gave the same results on both sides.');
    expect(found.rounds.map(({ tasks }) => tasks)).toEqual([
      [{ id: 'one:alike', plain: 'success', distributed: 'success', place: 'agent-1' }],
      [{ id: 'one:alike', plain: 'local-cache', distributed: 'local-cache', place: 'cache' }],
    ]);
  });

  inSchedule('says that plain Nx is wrong where it is, and does not count it as a difference', async () => {
    const { exit, report: found } = await report(
      '--',
      'nx',
      'run-many',
      '-t',
      'alone,fail,e2e',
      '--parallel=2',
    );

    expectExit(exit, 0);
    expect(found.sentence).toMatch(
      /^Safe to distribute: 16 tasks gave the same results on both sides\. Plain Nx is wrong here: it ended with exit code 0 although 1 task failed \(b:fail\), and before \d tasks had run/,
    );
    expect(found.rounds).toMatchObject([{ plainNxIsWrong: { failed: ['b:fail'] }, notCompared: [] }]);
  });

  inSchedule('starts no agents if the main job runs everything', async () => {
    const { exit, report: found } = await report('--', 'nx', 'run', 'one:here');

    expectExit(exit, 2);
    expect(found.agents).toBe(0);
    expect(found.sentence).toBe('Could not be tried: no task ran on an agent.');
    expect(exit.stderr).not.toContain('Prepared');
  });

  it.each([
    [
      'a command that Nx rejects',
      ['run', 'one:missing'],
      /^Could not be tried: Nx rejects `nx run one:missing`:\n[^]*one:missing/,
    ],
    [
      'a command without tasks',
      ['run-many', '-t', 'missing'],
      /^Could not be tried: `nx run-many -t missing` runs no task/,
    ],
  ])('ends with 2 for %s, and says why', async (_what, command, expected) => {
    const { exit, report: found } = await report('--', 'nx', ...command);

    expectExit(exit, 2);
    expect(found.sentence).toMatch(expected);
    expect(ownLines(exit.output)).toEqual([]);
  });

  it('stops all processes and deletes the copies when it is interrupted', async () => {
    const running = start([cli(), 'parity', '--', 'nx', 'run', 'one:slow'], workspace);
    await running.waitForOutput('Plain Nx …', { deadlineMs: 600_000 });
    const children = processTree(running.pid).map(({ pid }) => pid);

    running.signal('SIGINT');
    const exit = await running.end(120_000);

    expectExit(exit, 130);
    expect(children.length).toBeGreaterThan(1);
    expect(children.flatMap((pid) => processTree(pid))).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
