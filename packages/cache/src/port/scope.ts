import { createHash } from 'node:crypto';
import type { IdTokenClaims } from '@org/dte-identity';

/**
 * Where an entry is kept within a project: `trusted`, or `own-` and 32 hex digits for one ref or merge request. A path segment
 * as it is.
 */
export type Scope = string;

export const TRUSTED: Scope = 'trusted';

/** What a pipeline may do with the entries of its project. */
export interface CacheAccess {
  /** The GitLab instance, as the claim `iss` has it. */
  readonly issuer: string;
  /** The project in which the jobs run. */
  readonly projectId: string;
  readonly write: Scope;
  /** In the order in which they are searched. */
  readonly read: readonly Scope[];
}

/** Pipelines of these sources run what somebody proposes, whatever ref GitLab names. `ref_protected` can be true for them. */
const PROPOSALS: readonly string[] = ['merge_request_event', 'external_pull_request_event'];

/** Whether a pipeline of this source runs what somebody proposes: such a one is never trusted. */
export const isProposal = (pipelineSource: string): boolean => PROPOSALS.includes(pipelineSource);

/**
 * Decides by the verified claims of a job of the pipeline, and by nothing else. A claim that is missing counts against trust.
 *
 * A pipeline writes `trusted` only if its ref is protected, it is not one of a merge request, and it is the project's own (a
 * fork's pipeline in the parent project is not). It then reads `trusted` only: nothing that somebody proposed can reach it. Every
 * other pipeline writes the scope of its own ref, and reads that and `trusted`. So bytes flow from trusted pipelines to others
 * and never back (CVE-2025-36852, CREEP).
 */
export function cacheAccessOf(claims: IdTokenClaims): CacheAccess {
  return accessTo(claims, isTrusted(claims) ? TRUSTED : ownScope(claims));
}

/** What comes with a scope that a pipeline writes. */
export const accessTo = (
  { issuer, projectId }: Pick<CacheAccess, 'issuer' | 'projectId'>,
  write: Scope,
): CacheAccess => ({
  issuer,
  projectId,
  write,
  read: write === TRUSTED ? [TRUSTED] : [write, TRUSTED],
});

function isTrusted({ refProtected, pipelineSource, projectId, originProjectId }: IdTokenClaims): boolean {
  const isProposal = pipelineSource === null || PROPOSALS.includes(pipelineSource);
  return refProtected && !isProposal && projectId === originProjectId;
}

/**
 * Names of refs are chosen by whoever pushes, in forks too: the project that they come from is part of the scope. Without a ref,
 * a pipeline shares with no other.
 */
function ownScope({ originProjectId, ref, refType, pipelineSource, pipelineId }: IdTokenClaims): Scope {
  const kind = pipelineSource !== null && PROPOSALS.includes(pipelineSource) ? 'proposal' : 'ref';
  const parts =
    ref === null || refType === null ? ['pipeline', pipelineId] : [kind, originProjectId, refType, ref];
  return `own-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, SCOPE_DIGITS)}`;
}

/** 128 bits: nobody finds a second ref with the same scope. */
const SCOPE_DIGITS = 32;
