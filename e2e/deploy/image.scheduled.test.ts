import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
  chownSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { HTTP } from '@org/dte-protocol';
import { httpCall, packedTarballs, REPOSITORY, RunningProcess } from '@org/dte-testing';

/** Programs that the steps of the Containerfile and the entry point need. */
const PROGRAMS = ['sh', 'rm', 'mkdir', 'chown', 'ls', 'env', 'node'];
const PORT = 17_337;
const USER = 1000;

/** What the test reads of an image. */
interface ImageConfig {
  readonly User: string;
  readonly Env: string[];
  readonly Entrypoint: string[];
  readonly Cmd: string[];
}

const canBuild = process.getuid?.() === 0 && spawnSync('buildah', ['--version']).status === 0;

/**
 * Needs buildah and root, and no registry of images: the base image is what this machine has of Node. Of a registry of packages it
 * needs nothing that npm has not kept: without the network of the build, npm takes everything from its own cache.
 */
(canBuild ? describe : describe.skip)('the image that the Containerfile describes', () => {
  let folder: string;
  let store: readonly string[];
  const buildah = (...args: string[]): string =>
    execFileSync('buildah', [...store, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }).trim();

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dte-image-'));
    store = ['--storage-driver', 'vfs', '--root', join(folder, 'store'), '--runroot', join(folder, 'run')];
  });
  afterAll(() => {
    spawnSync('buildah', [...store, 'umount', '--all']);
    rmSync(folder, { recursive: true, force: true });
  });

  const output = (command: string, ...args: string[]): string =>
    execFileSync(command, args, { encoding: 'utf8' }).trim();

  /** A file with the libraries that it needs. */
  function copyProgram(name: string, root: string): void {
    const path = realpathSync(output('which', name));
    const libraries = output('ldd', path).match(/\/\S+/g) ?? [];
    const inside = join(root, 'usr/bin', name);
    mkdirSync(dirname(inside), { recursive: true });
    cpSync(path, inside);
    for (const library of libraries) {
      mkdirSync(dirname(join(root, library)), { recursive: true });
      if (!existsSync(join(root, library))) cpSync(realpathSync(library), join(root, library));
    }
  }

  function makeBase(): void {
    const container = buildah('from', 'scratch');
    const root = buildah('mount', container);
    PROGRAMS.forEach((name) => copyProgram(name, root));
    cpSync(join(output('npm', 'root', '--global'), 'npm'), join(root, 'usr/local/lib/node_modules/npm'), {
      recursive: true,
    });
    for (const name of ['usr/local/bin', 'etc', 'tmp', 'root', 'proc', 'dev', 'var/lib'])
      mkdirSync(join(root, name), { recursive: true });
    execFileSync('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm')]);
    execFileSync('ln', ['-s', 'usr/bin', join(root, 'bin')]);
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    const settings = ['PATH=/usr/local/bin:/usr/bin', 'npm_config_offline=true'];
    buildah('config', ...settings.flatMap((setting) => ['--env', setting]), container);
    buildah('commit', '--quiet', container, 'node-local');
  }

  function build(): void {
    const context = join(folder, 'context');
    cpSync(join(REPOSITORY, 'deploy'), context, { recursive: true });
    mkdirSync(join(context, 'tarballs'), { recursive: true });
    const tarballs = Object.values(packedTarballs());
    for (const path of tarballs) cpSync(path, join(context, 'tarballs', basename(path)));
    // Fills npm's cache with what the build takes from there.
    const omit = ['--omit=dev', '--omit=peer', '--omit=optional', '--no-audit', '--no-fund'];
    const warm = join(folder, 'warm');
    mkdirSync(warm);
    execFileSync('npm', ['install', '--no-save', '--ignore-scripts', ...omit, ...tarballs], { cwd: warm });
    const cache = `${join(homedir(), '.npm')}:/root/.npm`;
    const base = ['--build-arg', 'NODE_IMAGE=localhost/node-local'];
    buildah('build', '--quiet', '--isolation', 'chroot', '--volume', cache, ...base, '--tag', 'dte', context);
  }

  it('starts as a user without rights, with everything but its volume read-only, and without npm', async () => {
    makeBase();
    build();
    const container = buildah('from', 'localhost/dte');
    const root = buildah('mount', container);
    const { config } = (JSON.parse(buildah('inspect', container)) as { OCIv1: { config: ImageConfig } })
      .OCIv1;
    expect(config).toMatchObject({ User: '1000:1000', Volumes: { '/var/lib/dte': {} } });
    expect(existsSync(join(root, 'usr/local/bin/npm'))).toBe(false);
    expect(existsSync(join(root, 'opt/dte/node_modules/nx'))).toBe(false);

    const data = join(folder, 'data');
    const mounted = join(folder, 'root');
    for (const path of [data, mounted]) mkdirSync(path);
    chownSync(data, USER, USER);
    const script = [
      'set -e',
      `mount --bind ${root} ${mounted}`,
      `mount --bind ${data} ${mounted}/var/lib/dte`,
      `mount -o remount,ro,bind ${mounted}`,
      `mount -t proc proc ${mounted}/proc`,
      `exec chroot --userspec=${config.User} ${mounted} /bin/env -i "$@"`,
    ].join('\n');
    const settings = [...config.Env, 'DTE_HOST=127.0.0.1', `DTE_PORT=${PORT}`];
    const isolated = ['--mount', '--pid', '--fork', '--kill-child', '--', 'sh', '-c'];
    const service = new RunningProcess({
      name: 'container',
      command: 'unshare',
      args: [...isolated, script, 'sh', ...settings, ...config.Entrypoint, ...config.Cmd],
      cwd: '/',
      env: { PATH: process.env['PATH'] },
    });
    try {
      await service.waitForOutput('coordinator on');
      const answer = await httpCall(`http://127.0.0.1:${PORT}`, { path: HTTP.ready });
      expect([answer.status, answer.text]).toEqual([200, '{"ready":true}']);
      expect(service.output()).not.toMatch(/"level":"(warn|error)"/);
    } finally {
      // The whole group: unshare passes no signal on, and a process that changes its user outlives it.
      process.kill(-service.pid, 'SIGTERM');
      await service.end();
    }
  });
});
