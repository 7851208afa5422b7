import { accessTo, type CacheAccess, cacheAccessOf } from '@org/dte-cache';
import type { IdTokenClaims } from '@org/dte-identity';
import { z } from 'zod';

/**
 * What a client may do with the shared cache, and what is written down of results that it makes: decided by the verified claims
 * of its job when it connects, and by nothing else.
 */
export interface CacheGrant {
  readonly access: CacheAccess;
  readonly pipelineId: string;
  readonly jobId: string;
  readonly commit: string;
  readonly ref: string | null;
}

/** The part of a grant that is for reading. */
export interface ReadGrant {
  readonly access: Omit<CacheAccess, 'write'>;
}

export const grantOf = (claims: IdTokenClaims): CacheGrant => ({
  access: cacheAccessOf(claims),
  pipelineId: claims.pipelineId,
  jobId: claims.jobId,
  commit: claims.sha,
  ref: claims.ref,
});

/** A grant as part of a token: issuer, project, written scope, pipeline, job, commit, ref. */
export const packedGrantSchema = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.string(),
  z.string(),
  z.string(),
  z.string().nullable(),
]);
type PackedGrant = z.infer<typeof packedGrantSchema>;

export const packGrant = ({ access, pipelineId, jobId, commit, ref }: CacheGrant): PackedGrant => [
  access.issuer,
  access.projectId,
  access.write,
  pipelineId,
  jobId,
  commit,
  ref,
];

export const unpackGrant = ([
  issuer,
  projectId,
  write,
  pipelineId,
  jobId,
  commit,
  ref,
]: PackedGrant): CacheGrant => ({
  access: accessTo({ issuer, projectId }, write),
  pipelineId,
  jobId,
  commit,
  ref,
});
