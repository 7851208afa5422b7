import { DteError, printable } from '@org/dte-protocol';
import { z } from 'zod';
import { jose } from './jose';

/** GitLab writes its ids as strings. A number is not from GitLab, and would lose digits. */
const idSchema = z.string().regex(/^[0-9]{1,20}$/, 'must be a string of digits');

const payloadSchema = z.object({
  iss: z.string().min(1).max(2_048),
  exp: z.number(),
  iat: z.number(),
  project_id: idSchema,
  job_project_id: idSchema.optional(),
  pipeline_id: idSchema,
  job_id: idSchema,
  sha: z.string().regex(/^[0-9a-f]{40,64}$/, 'must be a commit SHA'),
  // What follows decides only about the shared cache. Whatever is missing or odd counts against trust, and refuses no job.
  ref: z.string().min(1).max(1_024).optional().catch(undefined),
  ref_type: z.enum(['branch', 'tag']).optional().catch(undefined),
  ref_protected: z.unknown().optional(),
  pipeline_source: z.string().min(1).max(64).optional().catch(undefined),
});

/** The claims of an id token that affect decisions here. `sub` is deliberately left out: its format is a setting of the instance. */
export interface IdTokenClaims {
  /** `iss`: the GitLab instance, with the name it uses for itself. */
  readonly issuer: string;
  /**
   * The project in which the job runs, as CI_PROJECT_ID: `job_project_id` if GitLab provides it (18.3), because
   * `project_id` is the fork's in a merge request pipeline of a fork.
   */
  readonly projectId: string;
  readonly pipelineId: string;
  readonly jobId: string;
  /** The pipeline's commit; in a merged results pipeline the merge commit, as CI_COMMIT_SHA. */
  readonly sha: string;
  /** `project_id`: differs from `projectId` in a merge request pipeline of a fork. */
  readonly originProjectId: string;
  /** The name of the branch or tag; null if the token has none. */
  readonly ref: string | null;
  readonly refType: 'branch' | 'tag' | null;
  /** True only if the token says so: GitLab writes the text "true". */
  readonly refProtected: boolean;
  /** As CI_PIPELINE_SOURCE; null if the token has none. */
  readonly pipelineSource: string | null;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** Parts of a token that nobody has verified are in `what`. */
const REASON_CHARS = 2_000;

export const refused = (what: string, cause?: unknown): DteError =>
  new DteError(
    'DTE_ID_TOKEN_REFUSED',
    `The id token ${printable(what, REASON_CHARS)}.`,
    cause === undefined ? {} : { cause },
  );

/** @throws DteError DTE_ID_TOKEN_REFUSED (names the claims that are missing or have the wrong type) */
export function claimsOf(payload: unknown): IdTokenClaims {
  const result = payloadSchema.safeParse(payload);
  if (!result.success) {
    const issues = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw refused(`is not an id token of a GitLab job: ${issues.slice(0, 3).join('; ')}`);
  }
  const { iss, exp, iat, project_id, job_project_id, pipeline_id, job_id, sha } = result.data;
  const { ref, ref_type, ref_protected, pipeline_source } = result.data;
  return {
    issuer: iss,
    projectId: job_project_id ?? project_id,
    pipelineId: pipeline_id,
    jobId: job_id,
    sha,
    originProjectId: project_id,
    ref: ref ?? null,
    refType: ref_type ?? null,
    refProtected: ref_protected === 'true',
    pipelineSource: pipeline_source ?? null,
    issuedAtMs: iat * 1_000,
    expiresAtMs: exp * 1_000,
  };
}

/**
 * The claims of a token without verifying its signature. Only for the token in this process's own environment: a
 * user who can set a false one there can do anything else as well.
 * @throws DteError DTE_ID_TOKEN_REFUSED
 */
export function readOwnIdToken(token: string): IdTokenClaims {
  let payload: unknown;
  try {
    payload = jose().decodeJwt(token);
  } catch (cause) {
    throw refused('of this job (DTE_ID_TOKEN) is not a JWT', cause);
  }
  return claimsOf(payload);
}
