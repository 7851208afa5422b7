import { IdTokenVerifier, requireOwnSession } from '@org/dte-identity';
import { DteError, moment } from '@org/dte-protocol';
import type { Resolved } from '@org/dte-config';
import type { GitlabSurroundings } from '../edge/surroundings';
import { issuersOf } from '@org/dte-runner';
import { note, ok, stop, type Finding } from './finding';

const KEYWORD = 'id_tokens: DTE_ID_TOKEN: aud: dte';

/**
 * Will the other jobs of the pipeline accept this one? Its id token is verified as they would do it, except that they
 * may reach GitLab from where they run and this job may not, or the reverse.
 */
export async function identityFindings(
  { config, limits }: Resolved,
  { job, authorities }: Pick<GitlabSurroundings, 'job' | 'authorities'>,
  session: { readonly id: string; readonly commit: string | null },
): Promise<Finding[]> {
  const { idToken, audience, secret, sharedTrust } = config;
  if (idToken === undefined) {
    if (secret !== undefined) {
      if (sharedTrust || (job?.serverUrl ?? null) === null) return [ok('jobs authenticate with DTE_SECRET')];
      return [
        note(
          'this job has DTE_SECRET but no id token: only a coordinator on the same machine, or one with --shared-trust, accepts it',
          `Add the keyword \`${KEYWORD}\` to every job: a secret does not separate pipelines (docs/explanation/security.md).`,
        ),
      ];
    }
    if ((job?.id ?? null) === null) return [];
    return [
      note(
        'this job has no id token: only a coordinator on the same machine accepts it',
        `Add the keyword \`${KEYWORD}\` to the job (or, without GitLab's tokens, set DTE_SECRET in every job).`,
      ),
    ];
  }
  try {
    const issuers = issuersOf(config, job);
    const claims = await new IdTokenVerifier({
      issuers,
      audience,
      limits,
      authorities,
    }).verify(idToken);
    requireOwnSession(claims, session.id, session.commit);
    const until = moment(claims.expiresAtMs);
    return [
      ok(
        `id token of job ${claims.jobId} in pipeline ${claims.pipelineId} of project ${claims.projectId}, valid until ${until}`,
      ),
    ];
  } catch (thrown) {
    const error = DteError.from(thrown);
    return [stop(error.message, error.cure)];
  }
}
