import { DteError, type LimitValues, type Rendezvous } from '@org/dte-protocol';
import { isAbsolute, join } from 'node:path';
import type { Config } from '@org/dte-config';
import type { GitlabSurroundings } from './surroundings';
import { type AgentRendezvous, FileRendezvous, PacedRendezvous, StaticRendezvous } from '@org/dte-client';
import { GitlabPackagesRendezvous, PackageRegistry, registryAccessOf } from '@org/dte-gitlab';

export { StaticRendezvous } from '@org/dte-client';

type Wanted = Pick<Config, 'coordinatorUrl' | 'rendezvousDir' | 'rendezvous' | 'idToken'>;

export interface RendezvousOptions {
  readonly config: Wanted;
  readonly limits: LimitValues;
  readonly surroundings: Pick<GitlabSurroundings, 'job' | 'authorities'>;
  /** A relative `rendezvousDir` is resolved from here, so that it means the same in every folder of a job. */
  readonly workspaceRoot: string;
}

/**
 * The configured rendezvous: an address takes precedence over a folder, a folder over the package registry, which takes
 * effect only in GitLab jobs. Null if there is none.
 */
export function createRendezvous({
  config,
  limits,
  surroundings,
  workspaceRoot,
}: RendezvousOptions): Rendezvous | null {
  const { coordinatorUrl, rendezvousDir: dir, rendezvous, idToken } = config;
  const { job } = surroundings;
  if (coordinatorUrl !== undefined) return new StaticRendezvous(coordinatorUrl);
  if (dir !== undefined) return new FileRendezvous(isAbsolute(dir) ? dir : join(workspaceRoot, dir));
  const access = rendezvous === 'gitlab-packages' ? registryAccessOf(job, surroundings.authorities) : null;
  if (access === null) return null;
  // An id token is for one pipeline: it must not be shown to a coordinator that another one has announced.
  const id = idToken === undefined ? null : (job?.pipelineId ?? null);
  const warn = (line: string): void => void process.stderr.write(`dte: ${line}.\n`);
  const registry = new PackageRegistry(access, limits);
  return new GitlabPackagesRendezvous(registry, undefined, id === null ? null : { id, warn });
}

/** For an agent, which polls often: a shared service is polled at a pace that it can handle. */
export const forAgent = (rendezvous: Rendezvous, limits: LimitValues): AgentRendezvous =>
  rendezvous.isShared ? new PacedRendezvous(rendezvous, limits) : rendezvous;

/** Why there is no rendezvous, as text. */
export function noRendezvous({ rendezvous }: Wanted): DteError {
  return new DteError(
    'DTE_NO_COORDINATOR',
    rendezvous === undefined
      ? 'Neither DTE_COORDINATOR_URL (address of a coordinator) nor DTE_RENDEZVOUS_DIR (folder that all jobs share) nor DTE_RENDEZVOUS (gitlab-packages, in GitLab jobs) is set.'
      : `DTE_RENDEZVOUS=${rendezvous} takes effect only in GitLab jobs: CI_API_V4_URL, CI_PROJECT_ID or CI_JOB_TOKEN is missing.`,
  );
}
