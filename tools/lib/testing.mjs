// The workspace factory of packages/testing, for the demo, the benchmarks and the comparison. Build first: this loads dist.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const loadWorkspaceFactory = () => ({
  ...require('../../packages/testing/dist/workspace/index.js'),
  ...require('../../packages/testing/dist/process/index.js'),
  ...require('../../packages/testing/dist/parity/index.js'),
});

/**
 * Runs `action` with a fleet, or what else can be closed, and ends all its processes and deletes its folder afterwards, also
 * on Ctrl-C.
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
