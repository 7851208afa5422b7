import { DteError, type LimitValues, type Rendezvous } from '@org/dte-protocol';
import { isAbsolute, join } from 'node:path';
import type { Config, Env } from '@org/dte-config';
import { FileRendezvous } from './file-rendezvous';
import { GitlabPackagesRendezvous, PackageRegistry, registryAccessOf } from './gitlab-packages';
import { PacedRendezvous, type AgentRendezvous } from './paced';
import { StaticRendezvous } from './static-rendezvous';

export { StaticRendezvous } from './static-rendezvous';

type Wanted = Pick<Config, 'coordinatorUrl' | 'rendezvousDir' | 'rendezvous'>;

export interface RendezvousOptions {
  readonly config: Wanted;
  readonly limits: LimitValues;
  readonly env: Env;
  /** A relative `rendezvousDir` starts here, so that it means the same in every folder of a job. */
  readonly workspaceRoot: string;
}

/**
 * The rendezvous that a configuration names: an address wins over a folder, a folder over the package registry, which
 * counts in GitLab jobs only. Null when there is none.
 */
export function createRendezvous({
  config,
  limits,
  env,
  workspaceRoot,
}: RendezvousOptions): Rendezvous | null {
  const { coordinatorUrl, rendezvousDir: dir, rendezvous } = config;
  if (coordinatorUrl !== undefined) return new StaticRendezvous(coordinatorUrl);
  if (dir !== undefined) return new FileRendezvous(isAbsolute(dir) ? dir : join(workspaceRoot, dir));
  const access = rendezvous === 'gitlab-packages' ? registryAccessOf(env) : null;
  return access === null ? null : new GitlabPackagesRendezvous(new PackageRegistry(access, limits));
}

/** For an agent, which asks often: what is shared with many others is asked at a pace that it can stand. */
export const forAgent = (rendezvous: Rendezvous, limits: LimitValues): AgentRendezvous =>
  rendezvous.isShared ? new PacedRendezvous(rendezvous, limits) : rendezvous;

/** Why there is no rendezvous, for people. */
export function noRendezvous({ rendezvous }: Wanted): DteError {
  return new DteError(
    'DTE_NO_COORDINATOR',
    rendezvous === undefined
      ? 'Neither DTE_COORDINATOR_URL (address of a coordinator) nor DTE_RENDEZVOUS_DIR (folder that all jobs see) nor DTE_RENDEZVOUS (gitlab-packages, in GitLab jobs) is set.'
      : `DTE_RENDEZVOUS=${rendezvous} counts in GitLab jobs only: CI_API_V4_URL, CI_PROJECT_ID or CI_JOB_TOKEN is missing.`,
  );
}
