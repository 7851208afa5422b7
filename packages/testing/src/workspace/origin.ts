import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Install, linkNodeModules } from './install';

export type FileContent = string | object;

/** A symbolic link in the repository, instead of a file's content. */
export class LinkTo {
  constructor(readonly target: string) {}
}

/** Runs git in a folder, with the configuration of a machine. @returns what it printed, trimmed */
export type Git = (cwd: string, ...args: string[]) => string;

/** Where the repository of a fleet and the packages of its machines come from. */
export interface Origin {
  /**
   * Creates a repository in an empty folder. Machines check out its branch `change`.
   * @returns the commits for NX_BASE and NX_HEAD
   */
  create(folder: string, git: Git): { base: string; head: string };
  /** Adds what is not in the repository to a fresh clone: node_modules. */
  furnish(workspace: string, git: Git): void;
}

export interface FleetOptions {
  /** The result of `install`. */
  install: Install;
  /** Path -> content of the first commit, on main. JSON for objects. package.json and lockfile come from the install. */
  files: Record<string, FileContent>;
  /** Path -> content of a second commit, on the branch `change`, which the machines check out. */
  change?: Record<string, FileContent>;
  /** Added to the environment of every machine. */
  env?: Readonly<Record<string, string>>;
}

const asText = (content: FileContent): string =>
  typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;

function commit(git: Git, origin: string, message: string, files: Record<string, FileContent>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(origin, path)), { recursive: true });
    if (content instanceof LinkTo) symlinkSync(content.target, join(origin, path));
    else writeFileSync(join(origin, path), asText(content));
  }
  git(origin, 'add', '--all');
  git(origin, 'commit', '--quiet', '--message', message);
  return git(origin, 'rev-parse', 'HEAD');
}

/** A repository of one or two commits with the given files. */
export const writtenOrigin = ({ install, files, change }: FleetOptions): Origin => ({
  create(origin, git) {
    git(origin, 'init', '--quiet');
    execFileSync('cp', [join(install, 'package.json'), join(install, 'package-lock.json'), origin]);
    const ignored = { '.gitignore': 'node_modules\ndist\ncoverage\n.nx\n' };
    const base = commit(git, origin, 'First', { ...ignored, ...files });
    git(origin, 'checkout', '--quiet', '-b', 'change');
    return { base, head: change ? commit(git, origin, 'Change', change) : base };
  },
  furnish(workspace) {
    linkNodeModules(install, workspace);
  },
});
