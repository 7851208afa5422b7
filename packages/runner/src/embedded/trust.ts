import type { Config } from '@org/dte-config';
import { DteError } from '@org/dte-protocol';
import { issuersOf } from '../session/credentials';
import type { Surroundings } from '../session/surroundings';
import { isLoopback } from './addresses';

type Job = Surroundings['job'];

/** The coordinator of a main job accepts id tokens if its own job has one; a service accepts only those of its configured issuers. */
export function acceptedIssuers(config: Config, job: Job, embedded: boolean): readonly string[] {
  if (config.issuers !== undefined) return config.issuers;
  return embedded && config.idToken !== undefined ? issuersOf(config, job) : [];
}

/** @throws DteError DTE_SECRET_REQUIRED if other machines could reach a coordinator that cannot authenticate clients */
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

/** @throws DteError DTE_SHARED_TRUST if a GitLab job has only a secret, because jobs of other pipelines have the secret too */
export function checkPipeline(
  { sharedTrust }: Config,
  { host, issuers, job }: { host: string; issuers: readonly string[]; job: Job },
): void {
  if (isLoopback(host) || issuers.length > 0 || sharedTrust || (job?.serverUrl ?? null) === null) return;
  throw new DteError(
    'DTE_SHARED_TRUST',
    `The coordinator of this GitLab job is configured to listen on ${host} and authenticates its clients with a secret only: any job of another pipeline with the secret could replace what this one stores. Add to every job the keyword \`id_tokens: DTE_ID_TOKEN: aud: dte\`.`,
  );
}

/** The warning for a coordinator that authenticates its clients with only a secret. */
export function trustNotes(
  { secret, sharedTrust }: Config,
  host: string,
  issuers: readonly string[],
): string[] {
  if (secret === undefined || issuers.length > 0 || isLoopback(host)) return [];
  return sharedTrust
    ? [
        'shared trust: everyone who has DTE_SECRET can enter every session here, and read and replace what it stores,',
        'including sessions of other projects and of protected branches; only --issuers separates pipelines (docs/explanation/security.md)',
      ]
    : [
        'no --issuers: this coordinator serves the sessions of one project and no GitLab pipelines (docs/explanation/security.md)',
      ];
}

/**
 * The files of a certificate of an authority; null if none is configured.
 * @throws DteError DTE_BAD_CONFIG if one of the two is missing
 */
export function tlsFilesOf({
  tlsCert,
  tlsKey,
}: Pick<Config, 'tlsCert' | 'tlsKey'>): { readonly cert: string; readonly key: string } | null {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  if (tlsCert === undefined && tlsKey === undefined) return null;
  const [given, missing] = tlsKey === undefined ? ['tlsCert', 'tlsKey'] : ['tlsKey', 'tlsCert'];
  throw new DteError(
    'DTE_BAD_CONFIG',
    `${given} is set, and ${missing} is not: TLS needs a certificate and its key.`,
  );
}
