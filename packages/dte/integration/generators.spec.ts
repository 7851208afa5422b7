import { REPOSITORY, RunningProcess } from '@org/dte-testing';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * The generators as users call them: real `nx g`, in a workspace with only the packages nx and @org/dte (no @nx/devkit,
 * as in a workspace without plugins).
 */
const FILES: Record<string, string> = {
  'nx.json': '{\n  // ours\n  "analytics": false\n}\n',
  'package.json': `{
  "name": "shop",
  "private": true,
  "devDependencies": {
    "@org/dte": "0.1.0",
    "nx": "23.2.1"
  }
}
`,
  'package-lock.json': '{ "name": "shop", "lockfileVersion": 3, "requires": true, "packages": { "": {} } }\n',
  '.gitlab-ci.yml': 'image: node:20 # all jobs\n\ndeploy:\n  stage: deploy\n  script: [./deploy.sh]\n',
  'libs/a/project.json':
    '{ "name": "a", "targets": { "lint": { "command": "true" }, "build": { "command": "true" } } }\n',
  // Calls of the package manager are recorded, and nothing is installed.
  'bin/npm': '#!/bin/sh\necho "$@" >> npm-was-asked\n',
};
const { bin } = JSON.parse(readFileSync(join(REPOSITORY, 'node_modules/nx/package.json'), 'utf8')) as {
  bin: { nx: string };
};
const NX_BIN = bin.nx;
const OURS = '.gitlab/dte.yml';

describe('nx g @org/dte', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dte-generators-'));
    for (const [path, text] of Object.entries(FILES)) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text, { mode: 0o755 });
    }
    mkdirSync(join(root, 'node_modules/@org'), { recursive: true });
    symlinkSync(join(REPOSITORY, 'node_modules/nx'), join(root, 'node_modules/nx'));
    symlinkSync(join(REPOSITORY, 'packages/dte'), join(root, 'node_modules/@org/dte'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const read = (path: string): string => readFileSync(join(root, path), 'utf8');

  async function generate(...args: string[]): Promise<string> {
    const nx = new RunningProcess({
      name: `nx g ${args.join(' ')}`,
      command: process.execPath,
      args: [join(root, 'node_modules/nx', NX_BIN), 'g', ...args],
      cwd: root,
      env: {
        PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`,
        HOME: root,
        CI: 'true',
        NO_COLOR: '1',
        NX_DAEMON: 'false',
        NX_CACHE_DIRECTORY: join(root, '.nx/cache'),
        NX_WORKSPACE_DATA_DIRECTORY: join(root, '.nx/data'),
      },
    });
    const { code, stdout, stderr } = await nx.end();
    if (code !== 0) throw new Error(`${stdout}${stderr}`);
    return stdout;
  }

  it('sets up without a prompt, changes nothing the second time, and undoes everything', async () => {
    const said = await generate('@org/dte:setup-gitlab', '--agents=5', '--targets=lint,build', '--tags=big');
    expect(said).toContain('CREATE .gitlab/dte.yml');
    expect(said).toContain('Nothing is left to do manually');
    expect(read('npm-was-asked')).toBe('install\n');
    expect(read('.gitlab-ci.yml')).toBe(`${FILES['.gitlab-ci.yml']!}\ninclude:\n  - local: ${OURS}\n`);
    expect(read('nx.json')).toContain('// ours');
    expect(read(OURS)).toContain('parallel: 5');
    const written = ['nx.json', 'package.json', '.gitlab-ci.yml', OURS].map(read);

    expect(await generate('@org/dte:setup-gitlab')).toContain('everything is up to date');
    expect(['nx.json', 'package.json', '.gitlab-ci.yml', OURS].map(read)).toEqual(written);
    expect(read('npm-was-asked')).toBe('install\n');

    expect(await generate('@org/dte:remove')).toContain('DELETE .gitlab/dte.yml');
    for (const [path, text] of Object.entries(FILES)) expect([path, read(path)]).toEqual([path, text]);
    expect(existsSync(join(root, '.gitlab'))).toBe(false);
    expect(read('npm-was-asked')).toBe('install\ninstall\n');
  });

  it('with --dry-run prints what it would do and writes nothing', async () => {
    const said = await generate('@org/dte:setup-gitlab', '--dry-run');
    expect(said).toContain('CREATE .gitlab/dte.yml');
    for (const [path, text] of Object.entries(FILES)) expect([path, read(path)]).toEqual([path, text]);
    expect(existsSync(join(root, OURS))).toBe(false);
    expect(existsSync(join(root, 'npm-was-asked'))).toBe(false);
  });

  it('keeps files as `nx format:check` requires, and does not format files that never were', async () => {
    symlinkSync(join(REPOSITORY, 'node_modules/prettier'), join(root, 'node_modules/prettier'));
    writeFileSync(join(root, '.prettierrc'), '{ "singleQuote": true, "tabWidth": 4 }');
    const nxJson = '{\n    "analytics": false\n}\n';
    writeFileSync(join(root, 'nx.json'), nxJson);
    await generate('@org/dte:setup-gitlab');
    const prettier = new RunningProcess({
      name: 'prettier --check',
      command: process.execPath,
      args: ['node_modules/prettier/bin/prettier.cjs', '--check', 'nx.json', OURS],
      cwd: root,
      env: { PATH: process.env['PATH'], HOME: root },
    });
    expect(await prettier.end()).toMatchObject({ code: 0 });
    // The file was indented by two spaces, and still is.
    expect(read('package.json')).toContain('\n  "devDependencies"');
    expect(await generate('@org/dte:setup-gitlab')).toContain('everything is up to date');
    await generate('@org/dte:remove');
    expect(read('nx.json')).toBe(nxJson);
    expect(read('package.json')).toBe(FILES['package.json']);
  });

  it('adds no format check that would fail in the first pipeline, because of files that were never formatted', async () => {
    symlinkSync(join(REPOSITORY, 'node_modules/prettier'), join(root, 'node_modules/prettier'));
    const manifest = FILES['package.json']!.replace('"nx"', '"prettier": "~3.6.2",\n    "nx"');
    const files = { '.prettierrc': '{ "singleQuote": true }', 'package.json': manifest };
    const nxJson = '{\n  "namedInputs": {\n    "default": [\n      "{projectRoot}/**/*"\n    ]\n  }\n}\n';
    for (const [path, text] of Object.entries({ ...files, 'nx.json': nxJson }))
      writeFileSync(join(root, path), text);

    expect(await generate('@org/dte:setup-gitlab')).toContain(
      'The pipeline does not check the format, because nx.json would fail.',
    );
    expect(read(OURS)).not.toContain('format:check');
    await generate('@org/dte:remove');

    writeFileSync(join(root, 'nx.json'), '{ "namedInputs": { "default": ["{projectRoot}/**/*"] } }\n');
    expect(await generate('@org/dte:setup-gitlab')).toContain(
      'job nx checks the format of the changed files',
    );
    expect(read(OURS)).toContain('nx format:check');
  });

  it('rejects an invalid flag with its name, and an unknown one', async () => {
    await expect(generate('@org/dte:setup-gitlab', '--agents=0')).rejects.toThrow(
      '--agents: expected 1 or more',
    );
    await expect(generate('@org/dte:setup-gitlab', '--agnets=2')).rejects.toThrow('agnets');
  });
});
