import type { NxTask } from '@org/dte-nx-compat';
import { posix } from 'node:path';

/** An output that Nx would look for above the workspace: `{projectRoot}/../../../dist` of `packages/a`. Nx resolves its tokens. */
const isOutside = (output: string): boolean => {
  const path = posix.normalize(output.startsWith('!') ? '' : output.replaceAll('\\', '/'));
  return path === '..' || path.startsWith('../');
};

/**
 * Why a task with outputs outside the workspace runs on the main job; null for any other task. No cache transfers such outputs
 * between machines: some versions of Nx refuse to store them, others omit them without a message. The main job, whose disk
 * must have them, runs such a task, as plain Nx does.
 */
export const outsideReason = ({ outputs }: Pick<NxTask, 'outputs'>): string | null =>
  outputs.some(isOutside) ? 'outputs outside the workspace' : null;
