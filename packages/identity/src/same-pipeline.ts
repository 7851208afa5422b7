import { createHash } from 'node:crypto';
import { type IdTokenClaims, refused } from './claims';

/**
 * Jobs work together only within one pipeline of one project of one instance, and on its commit.
 * @throws DteError DTE_ID_TOKEN_REFUSED
 */
export function requireSamePipeline(own: IdTokenClaims, other: IdTokenClaims): void {
  if (own.issuer !== other.issuer)
    throw refused(`belongs to the instance ${other.issuer}, this job to ${own.issuer}`);
  if (own.projectId !== other.projectId)
    throw refused(`belongs to project ${other.projectId}, this job to project ${own.projectId}`);
  if (own.pipelineId !== other.pipelineId)
    throw refused(`belongs to pipeline ${other.pipelineId}, this job to pipeline ${own.pipelineId}`);
  if (own.sha !== other.sha) throw refused(`belongs to commit ${other.sha}, this job to commit ${own.sha}`);
}

/**
 * The session that a job requests must be its pipeline's: `<project id>-<pipeline id>`, or that with `-` and an
 * environment. `commit` is the commit that is checked out; null without git.
 * @throws DteError DTE_ID_TOKEN_REFUSED
 */
export function requireOwnSession(claims: IdTokenClaims, sessionId: string, commit: string | null): void {
  const pipeline = `${claims.projectId}-${claims.pipelineId}`;
  if (sessionId !== pipeline && !sessionId.startsWith(`${pipeline}-`)) {
    throw refused(
      `belongs to pipeline ${claims.pipelineId} of project ${claims.projectId}, whose session is ${pipeline}, not ${sessionId}`,
    );
  }
  if (commit !== null && commit !== claims.sha)
    throw refused(`belongs to commit ${claims.sha}, but commit ${commit} is checked out`);
  const longest = MAX_SESSION_KEY - PREFIX_LENGTH;
  if (sessionId.length > longest)
    throw refused(
      `is valid, but the session id has more than ${longest} characters: shorten DTE_ENVIRONMENT`,
    );
}

const PREFIX_LENGTH = 'i01234567.'.length;
/** The maximum length in `sessionIdSchema`, which also applies to keys. */
const MAX_SESSION_KEY = 128;

/** Separates sessions of instances that use the same project numbers. */
export const issuerPrefix = (issuer: string): string =>
  `i${createHash('sha256').update(issuer).digest('hex').slice(0, 8)}.`;

/** The key under which a coordinator with id tokens stores a session. */
export const sessionKey = (issuer: string, sessionId: string): string =>
  `${issuerPrefix(issuer)}${sessionId}`;
/** The session's id for its members. */
export const sessionIdOf = (key: string): string => key.replace(/^i[0-9a-f]{8}\./, '');
