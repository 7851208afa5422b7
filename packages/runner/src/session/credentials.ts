import type { Credentials } from '@org/dte-client';
import { IdTokenVerifier, readOwnIdToken, requireSamePipeline } from '@org/dte-identity';
import { DteError, type Rendezvous, type Role } from '@org/dte-protocol';
import type { Config, Resolved } from '@org/dte-config';
import type { OwnJob, Surroundings } from './surroundings';

/**
 * Issuers whose id tokens are accepted: the configured ones, else the GitLab that runs this job. An instance may use
 * another address in its tokens than in its jobs (its setting `ci_id_tokens_issuer_url`); the job's own token shows it.
 */
export function issuersOf(
  { issuers, idToken }: Pick<Config, 'issuers' | 'idToken'>,
  job: Pick<OwnJob, 'serverUrl'> | null,
): readonly string[] {
  if (issuers !== undefined) return issuers;
  if (idToken !== undefined) return [readOwnIdToken(idToken).issuer];
  const own = job?.serverUrl ?? null;
  return own === null ? [] : [own];
}

/**
 * How a job of a pipeline authenticates to a coordinator, and what it requires from it. A coordinator from a rendezvous
 * is part of the main job and also has an id token. A service with a configured address is not a job; there, the
 * certificate or the secret is the proof.
 */
export function clientCredentials(
  { config, limits }: Resolved,
  {
    job,
    authorities,
  }: Pick<Surroundings, 'authorities'> & { readonly job: Pick<OwnJob, 'serverUrl'> | null },
  role: Role,
  rendezvous: Pick<Rendezvous, 'isAddressGiven'>,
): Credentials {
  const { secret, idToken, audience } = config;
  if (idToken === undefined) return { secret, authorities };
  let verifier: IdTokenVerifier | undefined;
  return {
    secret,
    idToken,
    authorities,
    verifyCoordinator: async (given) => {
      if (given === null) {
        if (rendezvous.isAddressGiven) return;
        throw new DteError(
          'DTE_ID_TOKEN_REFUSED',
          'The coordinator has no id token, but this job has one: it may not be the coordinator of this pipeline.',
        );
      }
      // Its keys are cached for the next connection.
      verifier ??= new IdTokenVerifier({
        issuers: issuersOf(config, job),
        audience,
        limits,
        authorities,
      });
      const own = readOwnIdToken(idToken);
      const other = await verifier.verify(given);
      requireSamePipeline(own, other);
      // The coordinator is part of the main job, never of an agent's: a coordinator with this job's own token replays it.
      if (role === 'agent' && own.jobId === other.jobId) {
        throw new DteError(
          'DTE_ID_TOKEN_REFUSED',
          "The coordinator presented this job's own id token instead of that of the main job.",
        );
      }
    },
  };
}
