import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  DEFAULT_NX_VERSION,
  install,
  linkFolder,
  type ProcessExit,
  REPOSITORY,
  RunningProcess,
} from '@org/dte-testing';
import { expectExit } from '../support/expect-exit';
import { ownLines, plain } from '../support/log';

const script = (text: string): string => `node -e ${JSON.stringify(text)}`;

/** A task that writes a file; `alike` writes the same everywhere, the others do not. */
const TARGETS = {
  // It waits before it exits: plain Nx can lose the output of a command that ends immediately.
  alike: script(
    "require('fs').writeFileSync('alike.txt', 'alike'); console.log('alike'); setTimeout(() => {}, 100)",
  ),
  // A different time each run: two plain runs differ as well.
  unstable: script("require('fs').writeFileSync('unstable.txt', process.hrtime.bigint().toString())"),
  // Only the jobs of a pipeline have a name.
  named: script("require('fs').writeFileSync('named.txt', String(process.env.CI_JOB_NAME))"),
};

const FILES: Record<string, object> = {
  'nx.json': { defaultBase: 'main', analytics: false, nxCloudId: 'of somebody else' },
  'package.json': { name: 'theirs', private: true },
  'one/project.json': {
    name: 'one',
    targets: Object.fromEntries(
      Object.entries(TARGETS).map(([name, command]) => [
        name,
        { command, cache: true, outputs: [`{workspaceRoot}/${name}.txt`] },
      ]),
    ),
  },
};

describe('npm run parity', () => {
  let folder: string;
  let workspace: string;

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
    folder = mkdtempSync(join(tmpdir(), 'parity-'));
    workspace = join(folder, 'workspace');
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

  const parity = (...args: string[]): Promise<ProcessExit> =>
    new RunningProcess({
      name: 'parity',
      command: process.execPath,
      args: ['tools/parity.mjs', workspace, ...args],
      cwd: REPOSITORY,
      env: process.env,
    }).end(240_000);

  it('compares a workspace without @org/dte, leaves it unchanged, and fails for differences', async () => {
    const exit = await parity('--', 'nx', 'affected', '-t', 'alike,unstable,named');

    expectExit(exit, 1);
    const lines = plain(exit.stdout).trimEnd().split('\n');
    expect(lines.at(-1)).toBe('parity: {"tasks":3,"differences":2}');
    expect(lines.filter((line) => line.startsWith('one:'))).toEqual([
      expect.stringMatching(/^one:alike +success \(0\) +success \(0\) +agent-\d +1 +same$/),
      expect.stringMatching(/^one:named +success \(0\) +success \(0\) +agent-\d +1 +1 differ$/),
      expect.stringMatching(/^one:unstable +success \(0\) +success \(0\) +agent-\d +1 +same$/),
      expect.stringMatching(/^one:alike +local-cache \(0\) +local-cache \(0\) +cache +1 +same$/),
      expect.stringMatching(/^one:named +local-cache \(0\) +local-cache \(0\) +cache +1 +1 differ$/),
      expect.stringMatching(/^one:unstable +local-cache \(0\) +local-cache \(0\) +cache +1 +same$/),
    ]);
    expect(lines).toContain('  one:named: file named.txt');
    expect(ownLines(exit.output)).toEqual([]);
    expect(git('status', '--porcelain')).toBe('?? one/not-committed.md\n');
    expect(readdirSync(workspace).sort()).not.toContain('alike.txt');
  });

  it('fails, and shows why, if there was nothing to compare', async () => {
    const exit = await parity('--once', '--', 'nx', 'run', 'one:missing');

    expectExit(exit, 1);
    const said = plain(exit.stdout);
    expect(said).toContain('No task ran on an agent');
    expect(said).toMatch(/Cannot find .*one:missing|Cannot find configuration for task one:missing/);
    expect(said.trimEnd().split('\n').at(-1)).toBe('parity: {"tasks":0,"differences":0}');
  });
});
