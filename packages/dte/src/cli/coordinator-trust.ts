import type { Config } from '@org/dte-config';
import type { GitlabJob } from '@org/dte-gitlab';
import { DteError } from '@org/dte-protocol';
import { isLoopback, issuersOf } from '@org/dte-runner';

/** The coordinator of a main job takes id tokens where its own job has one; a service only from those it is told. */
export function acceptedIssuers(config: Config, job: GitlabJob | null, embedded: boolean): readonly string[] {
  if (config.issuers !== undefined) return config.issuers;
  return embedded && config.idToken !== undefined ? issuersOf(config, job) : [];
}

/** @throws DteError DTE_SECRET_REQUIRED when other machines would reach a coordinator at which nobody can authenticate */
export function checkReach(
  { secret, idToken }: Config,
  { host, embedded, issuers }: { host: string; embedded: boolean; issuers: readonly string[] },
): void {
  if (isLoopback(host) || secret !== undefined) return;
  const where = `The coordinator is configured to listen on ${host}, where other machines can reach it,`;
  if (issuers.length === 0) {
    throw new DteError('DTE_SECRET_REQUIRED', `${where} with neither a secret nor issuers of id tokens.`);
  }
  if (embedded && idToken === undefined) {
    throw new DteError('DTE_SECRET_REQUIRED', `${where} with issuers, but its own job has no id token.`);
  }
}

/** @throws DteError DTE_SHARED_TRUST when a GitLab job has nothing but a secret, which jobs of other pipelines have as well */
export function checkPipeline(
  { sharedTrust }: Config,
  { host, issuers, job }: { host: string; issuers: readonly string[]; job: GitlabJob | null },
): void {
  if (isLoopback(host) || issuers.length > 0 || sharedTrust || (job?.serverUrl ?? null) === null) return;
  throw new DteError(
    'DTE_SHARED_TRUST',
    `The coordinator of this GitLab job is configured to listen on ${host} and authenticates its clients with a secret only: any job of another pipeline with the secret could replace what this one stores. Add to every job the keyword \`id_tokens: DTE_ID_TOKEN: aud: dte\`.`,
  );
}

/** What people should know of a coordinator that knows its clients by nothing but a secret. */
export function trustNotes(
  { secret, sharedTrust }: Config,
  host: string,
  issuers: readonly string[],
): string[] {
  if (secret === undefined || issuers.length > 0 || isLoopback(host)) return [];
  return sharedTrust
    ? [
        'shared trust: everyone who has DTE_SECRET can enter every session here, and read and replace what it stores,',
        'including sessions of other projects and of protected branches; only --issuers separates pipelines (docs/security.md)',
      ]
    : [
        'no --issuers: this coordinator serves the sessions of one project and no GitLab pipelines (docs/security.md)',
      ];
}
