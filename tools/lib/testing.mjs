// The workspace factory of packages/testing, for the demo, the benchmarks and the comparison. Build first: this loads dist.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export function loadWorkspaceFactory() {
  const testing = require('@org/dte-testing');
  return {
    artifactsOf: testing.artifactsOf,
    ChaosBench: testing.ChaosBench,
    coverageLine: testing.coverageLine,
    DEFAULT_NX_VERSION: testing.DEFAULT_NX_VERSION,
    describeResult: testing.describeResult,
    FAULT_KINDS: testing.FAULT_KINDS,
    Fleet: testing.Fleet,
    install: testing.install,
    launchChromium: testing.launchChromium,
    noticeLine: testing.noticeLine,
    Pipeline: testing.Pipeline,
    planRun: testing.planRun,
    RunningProcess: testing.RunningProcess,
    startFakeGitlab: testing.startFakeGitlab,
    sampleSession: testing.sampleSession,
    summaryLine: testing.summaryLine,
    waitFor: testing.waitFor,
  };
}

/** The limits (docs/reference/limits.md) that are set in an environment: of everything else, a fleet has only what it sets itself. */
export function limitsIn(env) {
  const { LIMITS } = require('@org/dte-protocol');
  const names = Object.values(LIMITS).flatMap(({ env: name }) => name ?? []);
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/**
 * Runs `action` with a fleet (or anything with `close`). Afterwards, also on Ctrl-C, kills all its processes and
 * deletes its folder.
 * @param {Pick<import('../../packages/testing/src/workspace').Fleet, 'close'>} fleet
 */
export async function withFleet(fleet, action) {
  let closing;
  const close = () => (closing ??= fleet.close());
  const interrupted = (signal) => {
    void close().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await action(fleet);
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await close();
  }
}
