import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { dirname, join, resolve, sep } from 'node:path';
import { type Git, type Install, linkFolder, type Origin } from '../workspace';
import { addPackages } from './seam';

/** Never copied: internal files of git, Nx and package managers. */
const LEFT_OUT = new Set(['.git', '.nx', 'node_modules']);

/** Every node_modules of a workspace, relative to it; those of nested packages are part of it. */
function nodeModulesOf(root: string, below = ''): string[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    if (entry.name === 'node_modules') return [path];
    return entry.isDirectory() && !LEFT_OUT.has(entry.name) ? nodeModulesOf(root, path) : [];
  });
}

/** Commit of a ref; undefined if it does not exist. */
function commitOf(git: Git, folder: string, name: string): string | undefined {
  try {
    return git(folder, 'rev-parse', '--verify', '--quiet', `${name}^{commit}`);
  } catch {
    return undefined;
  }
}

function copyFile(from: string, to: string, path: string): void {
  const [source, target] = [join(from, path), join(to, path)];
  rmSync(target, { recursive: true, force: true });
  if (lstatSync(source, { throwIfNoEntry: false }) === undefined) return;
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target, { verbatimSymlinks: true, recursive: true });
}

/** The history of a git repository, plus one commit if its working tree differs from the last one. */
function cloneOf(folder: string, origin: string, git: Git): void {
  git(dirname(origin), 'clone', '--quiet', '--no-hardlinks', folder, origin);
  // NX_BASE and --base may name branches.
  git(origin, 'checkout', '--quiet', '--detach');
  git(origin, 'fetch', '--quiet', '--update-head-ok', 'origin', '+refs/heads/*:refs/heads/*');
  const listed = git(folder, 'ls-files', '-z', '--modified', '--deleted', '--others', '--exclude-standard');
  for (const path of new Set(listed.split('\0').filter(Boolean))) copyFile(folder, origin, path);
}

function copyOf(folder: string, origin: string, git: Git): void {
  const filter = (path: string): boolean => !LEFT_OUT.has(path.slice(path.lastIndexOf(sep) + 1));
  cpSync(folder, origin, { recursive: true, verbatimSymlinks: true, filter });
  git(origin, 'init', '--quiet');
}

/**
 * An existing workspace as a repository for machines. It is only read: files, history and node_modules are copied.
 * Files that git ignores are left out, as in a fresh clone.
 * @param ours the result of `install({ nx: null })`
 * @param base NX_BASE; default: the parent of the last commit, or the last commit if something is not committed
 */
export function existingWorkspace(path: string, ours: Install, base?: string): Origin {
  const folder = resolve(path);
  if (!existsSync(join(folder, 'nx.json'))) throw new Error(`${folder} has no nx.json.`);
  if (!existsSync(join(folder, 'node_modules', 'nx')))
    throw new Error(
      `nx is not installed in ${folder}: parity runs the workspace's own (node_modules; PnP is not supported).`,
    );
  const modules = nodeModulesOf(folder);
  let copies = '';
  return {
    create(origin, git) {
      const isRepository = existsSync(join(folder, '.git'));
      if (isRepository) cloneOf(folder, origin, git);
      else copyOf(folder, origin, git);
      const before = commitOf(git, origin, 'HEAD');
      git(origin, 'checkout', '--quiet', '-B', 'change');
      git(origin, 'add', '--all');
      if (before === undefined || git(origin, 'status', '--porcelain') !== '')
        git(origin, 'commit', '--quiet', '--no-verify', '--message', 'Working tree');
      const head = git(origin, 'rev-parse', 'HEAD');
      const parent = commitOf(git, origin, 'HEAD~1') ?? head;
      // Machines hard-link a copy: a task that writes to node_modules must not change the original.
      copies = join(dirname(origin), 'modules');
      modules.forEach((from, index) => {
        mkdirSync(join(copies, String(index)), { recursive: true });
        execFileSync('cp', ['-a', join(folder, from), join(copies, String(index), 'node_modules')]);
      });
      return { base: base === undefined ? parent : (commitOf(git, origin, base) ?? base), head };
    },
    furnish(workspace, git) {
      git(workspace, 'checkout', '--quiet', '--detach');
      git(workspace, 'fetch', '--quiet', 'origin', '+refs/heads/*:refs/heads/*');
      git(workspace, 'checkout', '--quiet', 'change');
      modules.forEach((target, index) => {
        linkFolder(join(copies, String(index), 'node_modules'), join(workspace, target));
      });
      addPackages(ours, workspace);
      excludeFrom(workspace);
    },
  };
}

/** A workspace without .gitignore also has node_modules. */
function excludeFrom(workspace: string): void {
  execFileSync('sh', ['-c', 'printf "node_modules\\n.nx\\n" >> .git/info/exclude'], { cwd: workspace });
}
