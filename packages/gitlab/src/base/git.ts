import { DteError, printable, type LimitValues } from '@org/dte-protocol';
import { execFile } from 'node:child_process';
import type { Env } from '@org/dte-config';

/** Queries of a clone. Objects are full names; null means "there is none". */
export interface Git {
  /** @throws DteError DTE_GIT_FAILED if this is not a working clone */
  head(): Promise<string>;
  has(sha: string): Promise<boolean>;
  isAncestor(sha: string, of: string): Promise<boolean>;
  mergeBase(one: string, other: string): Promise<string | null>;
  isShallow(): Promise<boolean>;
  /** The tip of a branch of the remote, else of a local one. */
  branchTip(branch: string): Promise<string | null>;
  /** The newest tag that is reachable from the commit's parents. */
  previousTag(of: string): Promise<{ readonly name: string; readonly sha: string } | null>;
  /** The empty tree: compared with it, every file has changed. */
  emptyTree(): Promise<string>;
  /** Fetches objects by a refspec or a name; null if that succeeded, else git's message in one line. */
  fetch(args: readonly string[]): Promise<string | null>;
}

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An address may contain the job's token. */
const withoutCredentials = (text: string): string => text.replace(/\/\/[^@/\s]+@/g, '//');

/** A remote that exists only for one command, so that its address with the token is not on any command line. */
const OWN_REMOTE = 'dte-fetch';
const ownRemote = (url: string): Record<string, string> => ({
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: `remote.${OWN_REMOTE}.url`,
  GIT_CONFIG_VALUE_0: url,
});

export interface GitOptions {
  /** A folder of the clone. */
  readonly folder: string;
  readonly env: Env;
  /** Where the clone came from, with a token; null if unknown. */
  readonly repositoryUrl: string | null;
  readonly limits: Pick<LimitValues, 'gitCommandMs' | 'gitFetchMs'>;
}

/** Runs `git` in a folder. Every command has a timeout, and none prompts for a password. */
class GitCommand implements Git {
  constructor(private readonly options: GitOptions) {}

  async head(): Promise<string> {
    const { code, stdout, stderr } = await this.ask('rev-parse', '--verify', 'HEAD^{commit}');
    if (code === 0) return stdout;
    const said = printable(withoutCredentials(stderr), 300);
    throw new DteError('DTE_GIT_FAILED', `git cannot read the current commit: ${said}`);
  }

  async has(sha: string): Promise<boolean> {
    return (await this.ask('cat-file', '-e', `${sha}^{commit}`)).code === 0;
  }

  async isAncestor(sha: string, of: string): Promise<boolean> {
    return (await this.ask('merge-base', '--is-ancestor', sha, of)).code === 0;
  }

  mergeBase(one: string, other: string): Promise<string | null> {
    return this.askOne('merge-base', one, other);
  }

  async isShallow(): Promise<boolean> {
    return (await this.askOne('rev-parse', '--is-shallow-repository')) === 'true';
  }

  async branchTip(branch: string): Promise<string | null> {
    return (
      (await this.commitOf(`refs/remotes/origin/${branch}`)) ?? (await this.commitOf(`refs/heads/${branch}`))
    );
  }

  async previousTag(of: string): Promise<{ readonly name: string; readonly sha: string } | null> {
    const name = await this.askOne('describe', '--tags', '--abbrev=0', `${of}^`);
    const sha = name === null ? null : await this.commitOf(`refs/tags/${name}`);
    return name === null || sha === null ? null : { name, sha };
  }

  async emptyTree(): Promise<string> {
    const tree = await this.askOne('hash-object', '-t', 'tree', '--stdin');
    if (tree !== null) return tree;
    throw new DteError('DTE_GIT_FAILED', 'git cannot compute the hash of the empty tree.');
  }

  async fetch(args: readonly string[]): Promise<string | null> {
    const { limits, repositoryUrl } = this.options;
    const named = await this.run(['fetch', '--quiet', 'origin', ...args], limits.gitFetchMs);
    if (named.code === 0) return null;
    // GitLab's runner may remove the token from the remote of the clone; this address contains it.
    if (repositoryUrl !== null) {
      const fromOwn = ['fetch', '--quiet', OWN_REMOTE, ...args];
      const direct = await this.run(fromOwn, limits.gitFetchMs, ownRemote(repositoryUrl));
      if (direct.code === 0) return null;
    }
    return printable(withoutCredentials(named.stderr), 300);
  }

  private run(args: readonly string[], timeout: number, more: Record<string, string> = {}): Promise<Answer> {
    const { folder: cwd, env: own } = this.options;
    const env = { ...own, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C', ...more };
    return new Promise((resolve) => {
      execFile('git', args, { cwd, timeout, env }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        const said = stderr === '' && error !== null ? error.message : stderr;
        resolve({ code, stdout: stdout.trim(), stderr: said });
      }).stdin?.end();
    });
  }

  private ask(...args: string[]): Promise<Answer> {
    return this.run(args, this.options.limits.gitCommandMs);
  }

  private async askOne(...args: string[]): Promise<string | null> {
    const { code, stdout } = await this.ask(...args);
    return code === 0 && stdout !== '' ? (stdout.split('\n')[0] ?? null) : null;
  }

  private commitOf(name: string): Promise<string | null> {
    return this.askOne('rev-parse', '--verify', '--quiet', `${name}^{commit}`);
  }
}

export const openGit = (options: GitOptions): Git => new GitCommand(options);
