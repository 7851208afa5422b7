import { nxEntry } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import { execFile } from 'node:child_process';
import type { Env } from '@org/dte-config';

/** Last lines of a failed command that are shown: there it prints why it failed. Not configurable: only text of a message. */
const SAID_LINES = 20;
/** Output of Nx that is read. Not configurable: results come in files, and only `SAID_LINES` of the output are used. */
const OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * Runs an nx command in a separate process, without its terminal UI.
 * @returns null if it exited with code 0, else DTE_PLAN_FAILED with its last lines
 */
export function runNx(
  workspaceRoot: string,
  args: readonly string[],
  timeoutMs: number,
  env: Env,
): Promise<DteError | null> {
  return new Promise((resolve) => {
    const options = {
      cwd: workspaceRoot,
      env: { ...env, NX_TUI: 'false' },
      timeout: timeoutMs,
      maxBuffer: OUTPUT_BYTES,
    };
    execFile(process.execPath, [nxEntry(workspaceRoot), ...args], options, (error, stdout, stderr) => {
      if (error === null) {
        resolve(null);
        return;
      }
      const why = error.killed === true ? `took longer than ${timeoutMs} ms (DTE_PLAN_MS)` : 'failed';
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-SAID_LINES).join('\n');
      resolve(new DteError('DTE_PLAN_FAILED', `nx ${args.join(' ')} ${why}:\n${said}`));
    });
  });
}
