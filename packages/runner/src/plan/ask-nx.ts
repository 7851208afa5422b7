import { inspectSeam } from '@org/dte-nx-compat';
import { DteError, type LimitValues } from '@org/dte-protocol';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '@org/dte-config';
import { plannedWorkSchema, type PlannedWork } from './planned-work';
import { runNx } from './run-nx';

export interface AskNxOptions {
  readonly workspaceRoot: string;
  readonly env: Env;
  /** After `nx`, e.g. `affected -t lint --base=… --head=…`. */
  readonly args: readonly string[];
  readonly limits: Pick<LimitValues, 'planMs'>;
}

/**
 * Asks Nx what a command would do: the command starts, and our tasks runner writes its task graph to a file instead of
 * running it (see write-plan.ts). Calling Nx's functions instead would require knowledge of how each major parses
 * arguments and selects affected projects.
 * @throws DteError DTE_SEAM_OFF if Nx would not call our runner, and so would run the tasks; DTE_PLAN_FAILED
 */
export async function askNx(options: AskNxOptions): Promise<PlannedWork> {
  const { workspaceRoot, args, env, limits } = options;
  const { reachable } = inspectSeam(workspaceRoot);
  if (!reachable.ok)
    throw new DteError('DTE_SEAM_OFF', `Nx does not call @org/dte in this workspace (${reachable.reason}).`);
  const folder = mkdtempSync(join(tmpdir(), 'dte-plan-'));
  const path = join(folder, 'work.json');
  try {
    const failure = await runNx(workspaceRoot, args, limits.planMs, {
      ...env,
      DTE_PLAN_FILE: path,
      // Otherwise, Nx would reject split targets (e2e-ci) before it calls a runner.
      NX_SKIP_ATOMIZER_VALIDATION: 'true',
    });
    // Nx treats tasks without life cycle calls as interrupted: its exit code is meaningless then.
    if (existsSync(path)) return plannedWorkSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    if (failure !== null) throw failure;
    // If there is nothing to do, Nx calls no runner.
    return { version: 1, tasks: [] };
  } catch (thrown) {
    throw DteError.from(thrown, 'DTE_PLAN_FAILED');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
