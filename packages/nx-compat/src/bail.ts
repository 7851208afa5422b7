import { resolveNx } from './nx-install';

/**
 * What --nxBail does to tasks that run when another one fails: 22 and 23 end them, and their status is `stopped`; the
 * others let them finish.
 */
export const bailStopsTasks = (workspaceRoot: string): boolean =>
  [22, 23].includes(resolveNx(workspaceRoot).major);
