import { resolveNx } from './nx-install';

/**
 * What --nxBail does to tasks that run when another one fails: 20 and 21 let them finish, 22 and later end them, and
 * their status is `stopped`.
 */
export const bailStopsTasks = (workspaceRoot: string): boolean => resolveNx(workspaceRoot).major >= 22;
