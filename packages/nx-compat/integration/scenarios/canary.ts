import { createRequire } from 'node:module';
import { join } from 'node:path';
import { resolveNx } from '../../src';
import { canaryChecks } from '../../src/canary';

/** The checks that failed, with what they saw, and how many there were. */
export interface CanaryRunResult {
  ran: number;
  failed: Record<string, string>;
}

export async function run({ workspaceRoot }: { workspaceRoot: string }): Promise<CanaryRunResult> {
  const { major } = resolveNx(workspaceRoot);
  const nxRequire = createRequire(join(workspaceRoot, 'package.json'));
  const failed: Record<string, string> = {};
  const checks = canaryChecks.filter(({ majors }) => majors.includes(major));
  for (const check of checks) {
    const { ok, detail } = await check
      .run(workspaceRoot, nxRequire)
      .catch((error: unknown) => ({ ok: false, detail: `broken: ${String(error)}` }));
    if (!ok) failed[check.name] = detail;
  }
  return { ran: checks.length, failed };
}
