import { inspectSeam, resolveNx } from '@org/dte-nx-compat';
import { DteError, type LimitValues } from '@org/dte-protocol';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Env } from '../config';
import { plannedWorkSchema, type PlannedWork } from './planned-work';

export interface AskNxOptions {
  readonly workspaceRoot: string;
  readonly env: Env;
  /** After `nx`, e.g. `affected -t lint --base=… --head=…`. */
  readonly args: readonly string[];
  readonly limits: Pick<LimitValues, 'planMs'>;
}

/** The last lines are where a command says why it failed. */
const SAID_LINES = 20;
const OUTPUT_BYTES = 64 * 1024 * 1024;

const manifestSchema = z.looseObject({ bin: z.looseObject({ nx: z.string() }) });

/** Nx's own entry, without a shell or a package manager between. */
function nxEntry(workspaceRoot: string): string {
  const { packageRoot } = resolveNx(workspaceRoot);
  const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as unknown;
  return join(packageRoot, manifestSchema.parse(manifest).bin.nx);
}

/**
 * Asks Nx what a command would do: the command is started, and our tasks runner writes its task graph down instead of
 * running it (see write-plan.ts). Asking Nx's functions instead would mean to know how each major reads arguments and
 * selects what is affected.
 * @throws DteError DTE_SEAM_OFF when Nx would not call our runner, and so would run the tasks; DTE_PLAN_FAILED
 */
export async function askNx(options: AskNxOptions): Promise<PlannedWork> {
  const { workspaceRoot, args, env, limits } = options;
  const { reachable } = inspectSeam(workspaceRoot);
  if (!reachable.ok)
    throw new DteError('DTE_SEAM_OFF', `Nx does not call @org/dte in this workspace (${reachable.reason}).`);
  const folder = mkdtempSync(join(tmpdir(), 'dte-plan-'));
  const path = join(folder, 'work.json');
  try {
    const failure = await run(
      process.execPath,
      [nxEntry(workspaceRoot), ...args],
      workspaceRoot,
      limits.planMs,
      {
        ...env,
        DTE_PLAN_FILE: path,
        NX_TUI: 'false',
        // Nx would refuse split targets (e2e-ci) before it asks anybody.
        NX_SKIP_ATOMIZER_VALIDATION: 'true',
      },
    );
    // Nx counts tasks of which its life cycle hears nothing as interrupted: its exit code means nothing by then.
    if (existsSync(path)) return plannedWorkSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    if (failure !== null) throw failure;
    // With nothing to do Nx calls no runner.
    return { version: 1, tasks: [] };
  } catch (thrown) {
    throw DteError.from(thrown, 'DTE_PLAN_FAILED');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resolves with null when the command ended with exit code 0. */
function run(
  command: string,
  args: readonly string[],
  cwd: string,
  timeout: number,
  env: Env,
): Promise<DteError | null> {
  return new Promise((resolve) => {
    const options = { cwd, env, timeout, maxBuffer: OUTPUT_BYTES };
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) {
        resolve(null);
        return;
      }
      const why = error.killed === true ? `took longer than ${timeout} ms (DTE_PLAN_MS)` : 'failed';
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-SAID_LINES).join('\n');
      resolve(new DteError('DTE_PLAN_FAILED', `nx ${args.slice(1).join(' ')} ${why}:\n${said}`));
    });
  });
}
