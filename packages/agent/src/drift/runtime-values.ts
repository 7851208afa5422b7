import { exec } from 'node:child_process';
import { type LimitValues } from '@org/dte-protocol';

/** Commands that are run to name a difference. Not configurable: a task with more of them names the others without values. */
const MAX_COMMANDS = 10;
/** How much of a value is shown. Not configurable: it is only text of a message. */
const SHOWN_CHARS = 200;
/** Output of a command that is read. Not configurable: it only has to be larger than `SHOWN_CHARS`. */
const MAX_BYTES = 1024 * 1024;

/** The output of these runtime inputs on this machine, as one short line each. */
export async function readRuntimeValues(
  commands: readonly string[],
  workspaceRoot: string,
  env: NodeJS.ProcessEnv,
  limits: Pick<LimitValues, 'driftCommandMs'>,
): Promise<Record<string, string>> {
  const valueOf = (command: string): Promise<[string, string]> =>
    new Promise((resolve) => {
      const options = { cwd: workspaceRoot, env, timeout: limits.driftCommandMs, maxBuffer: MAX_BYTES };
      exec(command, options, (error, stdout, stderr) => {
        const said = `${stdout}${stderr}`.replaceAll(/\s+/g, ' ').trim();
        const failed = error === null ? '' : `failed (${String(error.code ?? error.signal ?? 'no code')}) `;
        resolve([command, `${failed}${said}`.trim().slice(0, SHOWN_CHARS)]);
      }).stdin?.end();
    });
  return Object.fromEntries(await Promise.all(commands.slice(0, MAX_COMMANDS).map(valueOf)));
}
