import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Output of git that is read: the names of all files of a large repository. Not configurable. */
const OUTPUT_BYTES = 256 * 1024 * 1024;
/** How long one git command may take: the copy of a large history. Not configurable. */
const GIT_MS = 15 * 60_000;

/** Nothing of the user's hooks, signatures and line endings; commits need a name. */
const SETTINGS = [
  'user.name=parity',
  'user.email=parity@localhost',
  'commit.gpgsign=false',
  'core.hooksPath=/dev/null',
];

/** Runs git in a folder and returns what it printed, without the last line break. */
export type Git = (folder: string, ...args: string[]) => Promise<string>;

/**
 * @param home a folder with the `.gitconfig` to use instead of the user's
 * @throws Error with what git has printed
 */
export const gitWith =
  (home: string): Git =>
  async (folder, ...args) => {
    const env = {
      PATH: process.env['PATH'],
      HOME: home,
      GIT_CONFIG_NOSYSTEM: '1',
      // Reading the user's repository must not write its index.
      GIT_OPTIONAL_LOCKS: '0',
      GIT_TERMINAL_PROMPT: '0',
    };
    const settings = SETTINGS.flatMap((setting) => ['-c', setting]);
    const options = { cwd: folder, env, maxBuffer: OUTPUT_BYTES, timeout: GIT_MS };
    const { stdout } = await execute('git', [...settings, ...args], options);
    return stdout.replace(/\n$/, '');
  };
