import { execFile } from 'node:child_process';

/** Output of git that is read. Not configurable: a list that is cut off shows enough. */
const STATUS_BYTES = 16 * 1024 * 1024;

/** What a git command prints; null if it fails or takes longer than `timeout` milliseconds. */
export function git(workspaceRoot: string, args: readonly string[], timeout: number): Promise<string | null> {
  return new Promise((answer) => {
    const env = { ...process.env, LC_ALL: 'C', GIT_OPTIONAL_LOCKS: '0' };
    const options = { cwd: workspaceRoot, timeout, maxBuffer: STATUS_BYTES, env };
    // The user of a job may not own the clone.
    execFile('git', ['-c', 'safe.directory=*', ...args], options, (error, stdout) => {
      // The beginning of a list that is too long shows that there are many.
      const isCutOff = error?.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER';
      answer(error === null || isCutOff ? stdout : null);
    }).stdin?.end();
  });
}
