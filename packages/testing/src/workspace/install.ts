import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** This repository; the path is the same from src and from dist. */
export const REPOSITORY = resolve(__dirname, '../../../..');

const CACHE = join(REPOSITORY, 'tmp', 'workspaces-cache');
/** Installs of tarballs that have changed since, unused for this long, are removed. */
const STALE_MS = 30 * 60_000;
/** Timeout of an install. */
const INSTALL_MS = 10 * 60_000;
/** Interval at which another process's lock is checked. */
const LOCK_POLL_MS = 200;

export interface InstallOptions {
  /** Exact version of nx; null: only our packages, for a workspace that has its own. */
  nx: string | null;
  /** Additions to package.json, including its devDependencies. */
  manifest?: { devDependencies?: Record<string, string>; [field: string]: unknown };
  /** Lockfile text for that manifest; our own tarballs are added to it. */
  lockfile?: string;
  /** A folder in which `npm ci` has installed that manifest and lockfile. It is not changed. */
  tools?: string;
}

/** A folder with package.json, package-lock.json and node_modules. Never change it in place. */
export type Install = string;

/**
 * Package name -> tarball, as created by `npm run pack`. WORKSPACE_TARBALLS names a copy of that folder, so that a long
 * run can continue with it while the packages change.
 * @throws Error if nothing was packed yet
 */
export function packedTarballs(): Record<string, string> {
  const folder = process.env['WORKSPACE_TARBALLS'] ?? join(REPOSITORY, 'tmp', 'tarballs');
  if (!existsSync(join(folder, 'index.json')))
    throw new Error('Nothing is packed: run `npm run pack` first.');
  const entries = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Record<
    string,
    { file: string }
  >;
  return Object.fromEntries(Object.entries(entries).map(([name, { file }]) => [name, join(folder, file)]));
}

/**
 * Installs nx and our packed tarballs as a user would, once for each combination. All workspaces of that combination
 * share the result through hard links.
 */
export function install(options: InstallOptions): Install {
  const tarballs = packedTarballs();
  const kind = digest([options.nx ?? '', JSON.stringify(options.manifest ?? {}), options.lockfile ?? '']);
  const prefix = `nx-${options.nx ?? 'none'}-${kind}-`;
  const key = `${prefix}${digest(Object.values(tarballs).map((path) => basename(path)))}`;
  const target = join(CACHE, key);
  if (existsSync(target)) {
    utimesSync(target, new Date(), new Date());
    return target;
  }
  mkdirSync(CACHE, { recursive: true });
  removeStale(prefix);
  const lock = `${target}.lock`;
  if (!begins(lock, target)) return target;
  try {
    makeInstall(options, tarballs, target);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  return target;
}

/**
 * Test files start in parallel and need the same install: one of them creates it, the others wait.
 * @returns whether this process creates it; false if the install exists
 */
function begins(lock: string, target: string): boolean {
  const sleeping = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      mkdirSync(lock);
      if (!existsSync(target)) return true;
      rmSync(lock, { recursive: true });
      return false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    // The process that installs may have been killed.
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > INSTALL_MS) rmSync(lock, { recursive: true, force: true });
    Atomics.wait(sleeping, 0, 0, LOCK_POLL_MS);
  }
}

function makeInstall(options: InstallOptions, tarballs: Record<string, string>, target: string): void {
  const folder = mkdtempSync(join(CACHE, 'installing-'));
  npmInstall(folder, options, tarballs);
  // Every machine of every test hard-links each file, and a workspace without its own packages compiles nothing.
  if (options.manifest === undefined) removeUnread(join(folder, 'node_modules'));
  try {
    renameSync(folder, target);
  } catch (error) {
    // Another process was faster; its install is equivalent.
    rmSync(folder, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
}

const digest = (parts: string[]): string =>
  createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 12);

function removeStale(prefix: string): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    if (!name.startsWith(prefix) && !name.startsWith('installing-')) continue;
    const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > STALE_MS) rmSync(path, { recursive: true, force: true });
  }
}

/** Files that no program reads: declarations and source maps, a third of all files. */
function removeUnread(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && /\.(d\.[cm]?ts|map)$/.test(entry.name)) rmSync(join(entry.parentPath, entry.name));
  }
}

function npmInstall(folder: string, options: InstallOptions, tarballs: Record<string, string>): void {
  const manifest = {
    name: 'workspace',
    version: '0.0.0',
    private: true,
    ...options.manifest,
    devDependencies: {
      ...(options.nx === null ? {} : { nx: options.nx }),
      ...options.manifest?.devDependencies,
    } as Record<string, string>,
  };
  const write = (): void =>
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  write();
  if (options.lockfile !== undefined) {
    writeFileSync(join(folder, 'package-lock.json'), options.lockfile);
    if (options.tools === undefined) npm(folder, ['ci', '--prefer-offline']);
    else linkTools(options.tools, folder);
  }
  for (const [name, path] of Object.entries(tarballs)) {
    // The shim has the name that Nx looks for; a user writes "nx-cloud": "npm:@org/dte-nx-cloud-shim@...".
    manifest.devDependencies[name === '@org/dte-nx-cloud-shim' ? 'nx-cloud' : name] = `file:${path}`;
  }
  write();
  // Without nx, our packages lack a peer dependency, which npm would install.
  npm(folder, ['install', '--prefer-offline', ...(options.nx === null ? ['--legacy-peer-deps'] : [])]);
}

function npm(cwd: string, args: string[]): void {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(NX_|DTE_|INIT_CWD$|npm_(lifecycle|package)_)/.test(name),
    ),
  );
  try {
    execFileSync('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`npm ${args.join(' ')} failed in ${cwd}:\n${stdout ?? ''}${stderr ?? ''}`, {
      cause: error,
    });
  }
}

/** npm adds folders to node_modules and changes one file in it, its own record, which therefore becomes a copy. */
function linkTools(tools: string, folder: string): void {
  linkFolder(join(tools, 'node_modules'), join(folder, 'node_modules'));
  const record = join('node_modules', '.package-lock.json');
  rmSync(join(folder, record));
  cpSync(join(tools, record), join(folder, record));
}

/**
 * Gives a workspace the node_modules of an install as hard links: a real folder (Nx resolves links) at the cost of
 * directory entries. To change a file in it, delete it first; never write in place.
 */
export function linkNodeModules(from: Install, workspace: string): void {
  linkFolder(join(from, 'node_modules'), join(workspace, 'node_modules'));
}

/** Creates a folder with hard links to everything in another one. */
export function linkFolder(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  try {
    execFileSync('cp', ['-al', source, target], { stdio: 'pipe' });
  } catch {
    // Another file system, or a cp without -l.
    rmSync(target, { recursive: true, force: true });
    cpSync(source, target, { recursive: true, verbatimSymlinks: true });
  }
}
