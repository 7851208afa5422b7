import { nxEntry, type NxTask, type TaskCache } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import { execFile } from 'node:child_process';

/** The last lines are where a command says why it failed. */
const SAID_LINES = 20;
/** What the command may print. Not a limit to set: only the last lines are shown, and a command that prints more counts as failed. */
const OUTPUT_BYTES = 64 * 1024 * 1024;

export interface MakeAgainInput {
  /** A cached task, with the hash for which its outputs were made. */
  readonly task: NxTask;
  readonly cache: Pick<TaskCache, 'fetch'>;
  readonly workspaceRoot: string;
  /** Called before the task runs. */
  readonly onRun: () => void;
}

/**
 * Restores the outputs of a task of an earlier command to this disk without the coordinator: from a cache that has them, or by
 * running the task and its dependencies. The hash decides whether that makes the same outputs: the arguments of the earlier
 * command are unknown, and a script may have changed an input since.
 * @throws DteError DTE_ARTIFACT_MISSING
 */
export async function makeAgain({ task, cache, workspaceRoot, onRun }: MakeAgainInput): Promise<void> {
  if (await isRestored(cache, task)) return;
  onRun();
  const failure = await runTask(workspaceRoot, task.id);
  if (await isRestored(cache, task)) return;
  const why =
    failure === null
      ? 'it has another hash now: other arguments, or other inputs, than in the earlier command'
      : `it failed:\n${failure}`;
  throw new DteError('DTE_ARTIFACT_MISSING', `${task.id} ran again on the main job, but ${why}`);
}

async function isRestored(cache: Pick<TaskCache, 'fetch'>, task: NxTask): Promise<boolean> {
  const found = await cache.fetch(task);
  return (found.kind === 'local' || found.kind === 'remote') && found.entry.code === 0;
}

/** @returns null if the task succeeded, otherwise the last lines of the log */
function runTask(workspaceRoot: string, taskId: string): Promise<string | null> {
  const args = [nxEntry(workspaceRoot), 'run', taskId];
  // DTE_EXECUTOR: Nx runs it here, regardless of the configuration of distribution.
  const env = { ...process.env, DTE_EXECUTOR: '1', NX_TUI: 'false' };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { cwd: workspaceRoot, env, maxBuffer: OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error === null) resolve(null);
        else resolve(`${stdout}\n${stderr}`.trim().split('\n').slice(-SAID_LINES).join('\n'));
      },
    );
  });
}
