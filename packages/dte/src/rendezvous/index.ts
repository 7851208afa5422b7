import type { Rendezvous } from '@org/dte-protocol';
import { isAbsolute, join } from 'node:path';
import type { Config } from '../config';
import { FileRendezvous } from './file-rendezvous';
import { StaticRendezvous } from './static-rendezvous';

export { StaticRendezvous } from './static-rendezvous';

/**
 * The rendezvous that a configuration names: an address wins over a folder. Null when it names none.
 * @param workspaceRoot a relative `rendezvousDir` starts here, so that it means the same in every folder of a job
 */
export function createRendezvous(
  config: Pick<Config, 'coordinatorUrl' | 'rendezvousDir'>,
  workspaceRoot: string,
): Rendezvous | null {
  if (config.coordinatorUrl !== undefined) return new StaticRendezvous(config.coordinatorUrl);
  const dir = config.rendezvousDir;
  if (dir === undefined) return null;
  return new FileRendezvous(isAbsolute(dir) ? dir : join(workspaceRoot, dir));
}
