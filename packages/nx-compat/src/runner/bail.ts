import { isAtLeast, resolveNx } from '../install/nx-install';

/**
 * What --nxBail does to running tasks when another one fails: 22.6 to 23 stop them with the status `stopped`; the
 * others let them finish.
 */
export function bailStopsTasks(workspaceRoot: string): boolean {
  const nx = resolveNx(workspaceRoot);
  return isAtLeast(nx, [22, 6]) && nx.major <= 23;
}
