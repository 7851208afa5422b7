import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { REPOSITORY, RunningProcess } from '@org/dte-testing';

/** Last version of gitlab-ci-local that runs on Node 20; it is an ES module, so it needs its own process. */
const PROGRAM = createRequire(join(REPOSITORY, 'package.json')).resolve('gitlab-ci-local/src/index.js');

/** Folder of the interpreter in its working clone: logs, artifacts, caches, and a clone for each job. */
export const STATE = '.gitlab-ci-local';

/** Installs what the interpreter needs from the operating system. @throws Error with the fix if that fails */
export function ensureInterpreter(): void {
  const program = join(REPOSITORY, 'tools', 'system-packages.mjs');
  try {
    execFileSync(process.execPath, [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error((error as { stderr: string }).stderr, { cause: error });
  }
}

/**
 * Starts the interpreter in a clone. It uses the shell executor even if a job names an image; each job has its own
 * clone (of the files tracked by git, like a runner's); the jobs of a stage run at the same time.
 */
export function startInterpreter(
  clone: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onOutput?: (text: string) => void,
): RunningProcess {
  return new RunningProcess({
    name: 'gitlab-ci-local',
    command: process.execPath,
    args: [
      PROGRAM,
      '--state-dir',
      STATE,
      '--color=false',
      '--timestamps=false',
      '--shell-isolation',
      '--force-shell-executor',
      '--artifacts-to-source=false',
      ...args,
    ],
    cwd: clone,
    env,
    ...(onOutput ? { onOutput } : {}),
  });
}

/** The name of a job's folders and files, as the interpreter writes it, with the rest in Base64. */
export const fileNameOf = (job: string): string =>
  job.replaceAll(/[^\w-]+/g, (part) => Buffer.from(part).toString('base64url'));

export type Verdict = 'passed' | 'failed' | 'failed, allowed';
const VERDICTS = { PASS: 'passed', FAIL: 'failed', WARN: 'failed, allowed' } as const;

/** Job name -> its result, from the report at the end of the output. */
export function verdictsOf(output: string): Record<string, Verdict> {
  const lines = output.matchAll(/^ (PASS|FAIL|WARN) +(.+?) *(?:pre_script)? *$/gm);
  return Object.fromEntries(
    [...lines].map(([, word, job]) => [job!, VERDICTS[word as keyof typeof VERDICTS]]),
  );
}
