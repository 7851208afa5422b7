import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import { readFileSync } from 'node:fs';

/** The shim as installed, in a workspace of its own: what it resolves must not come from this repository. */
const compiled = transformSync(readFileSync(join(__dirname, 'index.ts'), 'utf8'), {
  jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  module: { type: 'commonjs' },
}).code;

describe('nx-cloud-shim', () => {
  let root: string;
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const runner = (says: string): string => `exports.default = (...args) => '${says} ' + args.join(' ');`;
  const call = (folder = '.', env: NodeJS.ProcessEnv = {}) =>
    spawnSync(
      process.execPath,
      ['-e', `console.log(require('${join(root, 'store/nx-cloud')}').default('a', 'b'))`],
      {
        cwd: join(root, folder),
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], ...env },
      },
    );

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dte-shim-'));
    write('nx.json', '{}');
    write('package.json', '{}');
    write('store/nx-cloud/index.js', compiled);
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('calls the runner of @org/dte beside it, with all arguments', () => {
    write('store/node_modules/@org/dte/index.js', runner('peer'));
    expect(call()).toMatchObject({ stdout: 'peer a b\n', stderr: '' });
  });

  it('finds @org/dte through the workspace when its own folder hides it', () => {
    write('node_modules/@org/dte/index.js', runner('workspace'));
    expect(call()).toMatchObject({ stdout: 'workspace a b\n', stderr: '' });
  });

  it('finds the workspace upwards, or where NX_WORKSPACE_ROOT_PATH says', () => {
    // Neither is above the shim.
    write('mine/nx.json', '{}');
    write('mine/packages/a/package.json', '{}');
    write('mine/node_modules/@org/dte/index.js', runner('mine'));
    write('other/node_modules/@org/dte/index.js', runner('other'));
    expect(call('mine/packages/a').stdout).toBe('mine a b\n');
    const named = { NX_WORKSPACE_ROOT_PATH: join(root, 'other') };
    expect(call('mine/packages/a', named).stdout).toBe('other a b\n');
  });

  it("says how to install @org/dte when it is missing, and hands over to Nx's own runner", () => {
    write('node_modules/nx/tasks-runners/default.js', runner('nx'));
    const { stdout, stderr } = call();
    expect(stdout).toBe('nx a b\n');
    expect(stderr).toContain('npm install --save-dev @org/dte');
  });

  it('lets the real error through when @org/dte is there but broken', () => {
    write('node_modules/@org/dte/index.js', `require('left-pad-of-ours');`);
    const { status, stderr } = call();
    expect(status).not.toBe(0);
    expect(stderr).toContain('left-pad-of-ours');
  });
});
