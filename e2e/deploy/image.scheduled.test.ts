import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
  chownSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { HTTP } from '@org/dte-protocol';
import { httpCall, packedTarballs, REPOSITORY, RunningProcess } from '@org/dte-testing';
import { BucketServer } from '../support/shared-pipelines';

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
    makeBase();
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

  /** @param more packages for `MORE_PACKAGES` */
  function build(tag: string, more: readonly string[]): void {
    const context = join(folder, tag);
    cpSync(join(REPOSITORY, 'deploy'), context, { recursive: true });
    mkdirSync(join(context, 'tarballs'), { recursive: true });
    const tarballs = Object.values(packedTarballs());
    for (const path of tarballs) cpSync(path, join(context, 'tarballs', basename(path)));
    // Fills npm's cache with what the build takes from there.
    const omit = ['--omit=dev', '--omit=peer', '--omit=optional', '--no-audit', '--no-fund'];
    const warm = join(folder, `warm-${tag}`);
    mkdirSync(warm);
    execFileSync('npm', ['install', '--no-save', '--ignore-scripts', ...omit, ...tarballs, ...more], {
      cwd: warm,
    });
    const cache = `${join(homedir(), '.npm')}:/root/.npm`;
    const args = ['NODE_IMAGE=localhost/node-local', `MORE_PACKAGES=${more.join(' ')}`];
    const given = args.flatMap((arg) => ['--build-arg', arg]);
    buildah('build', '--quiet', '--isolation', 'chroot', '--volume', cache, ...given, '--tag', tag, context);
  }

  /** Its root file system and what the image says of it. */
  function container(tag: string): { root: string; config: ImageConfig } {
    const name = buildah('from', `localhost/${tag}`);
    const root = buildah('mount', name);
    const { OCIv1 } = JSON.parse(buildah('inspect', name)) as { OCIv1: { config: ImageConfig } };
    return { root, config: OCIv1.config };
  }

  /** Runs its entry point as the image's user, with everything but the volume read-only. */
  function run(tag: string, env: Readonly<Record<string, string>> = {}): RunningProcess {
    const { root, config } = container(tag);
    const data = join(folder, `${tag}-data`);
    const mounted = join(folder, `${tag}-root`);
    for (const path of [data, mounted]) mkdirSync(path, { recursive: true });
    chownSync(data, USER, USER);
    const script = [
      'set -e',
      `mount --bind ${root} ${mounted}`,
      `mount --bind ${data} ${mounted}/var/lib/dte`,
      `mount -o remount,ro,bind ${mounted}`,
      `mount -t proc proc ${mounted}/proc`,
      `exec chroot --userspec=${config.User} ${mounted} /bin/env -i "$@"`,
    ].join('\n');
    const more = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    const settings = [...config.Env, 'DTE_HOST=127.0.0.1', `DTE_PORT=${PORT}`, ...more];
    const isolated = ['--mount', '--pid', '--fork', '--kill-child', '--', 'sh', '-c'];
    return new RunningProcess({
      name: 'container',
      command: 'unshare',
      args: [...isolated, script, 'sh', ...settings, ...config.Entrypoint, ...config.Cmd],
      cwd: '/',
      env: { PATH: process.env['PATH'] },
    });
  }

  async function expectReady(service: RunningProcess): Promise<void> {
    try {
      await service.waitForOutput('coordinator on');
      const answer = await httpCall(`http://127.0.0.1:${PORT}`, { path: HTTP.ready });
      expect([answer.status, answer.text]).toEqual([200, '{"ready":true}']);
      expect(service.output()).not.toMatch(/"level":"(warn|error)"/);
    } finally {
      // The whole group: unshare passes no signal on, and a process that changes its user outlives it.
      if (service.running) process.kill(-service.pid, 'SIGTERM');
      await service.end();
    }
  }

  it('starts as a user without rights, with everything but its volume read-only, and without npm', async () => {
    build('dte', []);
    const { root, config } = container('dte');
    expect(config).toMatchObject({ User: '1000:1000', Volumes: { '/var/lib/dte': {} } });
    expect(existsSync(join(root, 'usr/local/bin/npm'))).toBe(false);
    expect(existsSync(join(root, 'opt/dte/node_modules/nx'))).toBe(false);
    await expectReady(run('dte'));
  });

  it('with the packages that the Containerfile names for a bucket, it has a shared cache there', async () => {
    const bucket = await BucketServer.start();
    const env = { ...bucket.env, DTE_ISSUERS: 'https://gitlab.example.com' };
    try {
      const text = readFileSync(join(REPOSITORY, 'deploy', 'Containerfile'), 'utf8');
      const named = /in a bucket: "([^"]+)"/.exec(text)?.[1];
      build('dte-bucket', named?.split(' ') ?? []);
      await expectReady(run('dte-bucket', env));

      // Without them, it names what is missing instead.
      const without = run('dte', env);
      expect((await without.end()).code).not.toBe(0);
      expect(without.output()).toContain('@aws-sdk/client-s3');
    } finally {
      await bucket.close();
    }
  });
});
