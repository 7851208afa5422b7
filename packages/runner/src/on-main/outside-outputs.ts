import type { NxTask } from '@org/dte-nx-compat';
import { posix } from 'node:path';

/** An output that Nx would look for above the workspace: `{projectRoot}/../../../dist` of `packages/a`. Nx has its tokens replaced. */
const isOutside = (output: string): boolean => {
  const path = posix.normalize(output.startsWith('!') ? '' : output.replaceAll('\\', '/'));
  return path === '..' || path.startsWith('../');
};

/**
 * Why a task with outputs outside the workspace runs on the main job; null for any other. Nothing carries those from one machine to
 * another: some versions of Nx refuse to store them, others leave them out without a word. The main job, whose disk they belong
 * on, runs such a task, as plain Nx does.
 */
export const outsideReason = ({ outputs }: Pick<NxTask, 'outputs'>): string | null =>
  outputs.some(isOutside) ? 'outputs outside the workspace' : null;
