import { DteError, type LimitValues } from '@org/dte-protocol';
import { execFile } from 'node:child_process';
import type { Env } from '@org/dte-config';
import { oneLine } from '../session/one-line';

/** The questions asked of a clone. Objects are full names; null is "there is none". */
export interface Git {
  /** @throws DteError DTE_GIT_FAILED when this is no clone that git works with */
  head(): Promise<string>;
  has(sha: string): Promise<boolean>;
  isAncestor(sha: string, of: string): Promise<boolean>;
  mergeBase(one: string, other: string): Promise<string | null>;
  isShallow(): Promise<boolean>;
  /** The tip of a branch of the remote, else of a local one. */
  branchTip(branch: string): Promise<string | null>;
  /** The newest tag that is reachable from the commit's parents. */
  previousTag(of: string): Promise<{ readonly name: string; readonly sha: string } | null>;
  /** The object that a comparison with gives every file. */
  emptyTree(): Promise<string>;
  /** Gets objects by a refspec or a name; null when that went well, else what git said in one line. */
  fetch(args: readonly string[]): Promise<string | null>;
}

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Limits = Pick<LimitValues, 'gitCommandMs' | 'gitFetchMs'>;

/** An address may carry the job's token. */
const withoutCredentials = (text: string): string => text.replace(/\/\/[^@/\s]+@/g, '//');

/** A remote that is known for the time of one command, so that its address with the token is on no command line. */
const OWN_REMOTE = 'dte-fetch';
const ownRemote = (url: string): Record<string, string> => ({
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: `remote.${OWN_REMOTE}.url`,
  GIT_CONFIG_VALUE_0: url,
});

/** The command `git` in a folder. Every command ends by its limit, and none asks for a password. */
export function openGit(folder: string, env: Env, limits: Limits): Git {
  const run = (args: readonly string[], timeout: number, more: Record<string, string> = {}) =>
    new Promise<Answer>((resolve) => {
      const options = {
        cwd: folder,
        timeout,
        env: { ...env, GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C', ...more },
      };
      execFile('git', args, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        const said = stderr === '' && error !== null ? error.message : stderr;
        resolve({ code, stdout: stdout.trim(), stderr: said });
      }).stdin?.end();
    });
  const ask = (...args: string[]) => run(args, limits.gitCommandMs);
  const askOne = async (...args: string[]): Promise<string | null> => {
    const { code, stdout } = await ask(...args);
    return code === 0 && stdout !== '' ? (stdout.split('\n')[0] ?? null) : null;
  };
  const commitOf = (name: string) => askOne('rev-parse', '--verify', '--quiet', `${name}^{commit}`);

  return {
    async head() {
      const { code, stdout, stderr } = await ask('rev-parse', '--verify', 'HEAD^{commit}');
      if (code === 0) return stdout;
      const said = oneLine(withoutCredentials(stderr), 300);
      throw new DteError('DTE_GIT_FAILED', `git cannot tell the commit that is checked out: ${said}`);
    },
    has: async (sha) => (await ask('cat-file', '-e', `${sha}^{commit}`)).code === 0,
    isAncestor: async (sha, of) => (await ask('merge-base', '--is-ancestor', sha, of)).code === 0,
    mergeBase: (one, other) => askOne('merge-base', one, other),
    isShallow: async () => (await askOne('rev-parse', '--is-shallow-repository')) === 'true',
    branchTip: async (branch) =>
      (await commitOf(`refs/remotes/origin/${branch}`)) ?? (await commitOf(`refs/heads/${branch}`)),
    async previousTag(of) {
      const name = await askOne('describe', '--tags', '--abbrev=0', `${of}^`);
      const sha = name === null ? null : await commitOf(`refs/tags/${name}`);
      return name === null || sha === null ? null : { name, sha };
    },
    async emptyTree() {
      const tree = await askOne('hash-object', '-t', 'tree', '--stdin');
      if (tree !== null) return tree;
      throw new DteError('DTE_GIT_FAILED', 'git cannot tell the name of the empty tree.');
    },
    async fetch(args) {
      const named = await run(['fetch', '--quiet', 'origin', ...args], limits.gitFetchMs);
      if (named.code === 0) return null;
      // GitLab's runner may keep the token out of the remote that it leaves behind; this variable has it.
      const url = env['CI_REPOSITORY_URL'];
      if (url !== undefined && url !== '') {
        const direct = await run(
          ['fetch', '--quiet', OWN_REMOTE, ...args],
          limits.gitFetchMs,
          ownRemote(url),
        );
        if (direct.code === 0) return null;
      }
      return oneLine(withoutCredentials(named.stderr), 300);
    },
  };
}
