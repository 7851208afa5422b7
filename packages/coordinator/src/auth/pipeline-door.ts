import {
  type IdTokenClaims,
  IdTokenVerifier,
  readOwnIdToken,
  requireOwnSession,
  requireSamePipeline,
  sessionKey,
} from '@org/dte-identity';
import { DteError, type Hello, type LimitValues } from '@org/dte-protocol';
import type { TokenIssuer } from './token';

/** Whose jobs a coordinator works for, by GitLab's id tokens. */
export interface IdTokenOptions {
  /** Addresses of the GitLab instances, as they call themselves (CI_SERVER_URL). At least one. */
  readonly issuers: readonly string[];
  readonly audience: string;
  /** Certificates of authorities (PEM) that are trusted for the instances in addition to the usual ones. Default none. */
  readonly authorities?: readonly string[];
  /**
   * The id token of the job that this coordinator is a part of: then it serves the pipeline of that job only, and shows
   * the token to the clients it has verified. Omitted by a standalone coordinator.
   */
  readonly own?: string;
}

/** Lets jobs into the session of their own pipeline and into no other. */
export class PipelineDoor {
  readonly ownToken: string | null;
  private readonly own: IdTokenClaims | null;
  private readonly verifier: IdTokenVerifier;

  /** @throws DteError DTE_BAD_CONFIG, DTE_ID_TOKEN_REFUSED (its own token is none) */
  constructor(
    { issuers, audience, authorities = [], own }: IdTokenOptions,
    limits: LimitValues,
    private readonly tokens: TokenIssuer,
    now: () => number,
  ) {
    this.verifier = new IdTokenVerifier({ issuers, audience, authorities, limits, now });
    this.ownToken = own ?? null;
    this.own = own === undefined ? null : readOwnIdToken(own);
    if (this.own !== null && !this.verifier.issuers.includes(this.own.issuer)) {
      throw new DteError(
        'DTE_BAD_CONFIG',
        `The id token of this job was issued by ${this.own.issuer}, but only these issuers are accepted: ${this.verifier.issuers.join(', ')} (option issuers, DTE_ISSUERS).`,
      );
    }
  }

  /**
   * What the session is filed under that a client may enter: by its id token, or, when that has expired in a long job,
   * by the token of its earlier welcome.
   * @throws DteError DTE_ID_TOKEN_REFUSED, DTE_ISSUER_UNAVAILABLE
   */
  async admit(hello: Hello): Promise<string> {
    const known = this.keyOfSessionToken(hello);
    if (known !== null) return known;
    const { idToken, sessionId, identity } = hello;
    if (idToken === null || idToken === undefined) {
      throw new DteError(
        'DTE_ID_TOKEN_REFUSED',
        'There is no id token (DTE_ID_TOKEN), and the coordinator requires one.',
      );
    }
    const claims = await this.verifier.verify(idToken);
    if (this.own !== null) requireSamePipeline(this.own, claims);
    requireOwnSession(claims, sessionId, identity.commit);
    return sessionKey(claims.issuer, sessionId);
  }

  /**
   * Where a refusal of somebody unproven is noted: in the one pipeline this coordinator is for. One that serves many has
   * no such place, or strangers could write to the logs of others.
   */
  claimedKey(sessionId: string): string | null {
    return this.own === null ? null : sessionKey(this.own.issuer, sessionId);
  }

  /** Null when there is none, or it is not good (any more): the id token decides then. */
  private keyOfSessionToken({ sessionToken, sessionId, role, clientId }: Hello): string | null {
    if (sessionToken === null || sessionToken === undefined) return null;
    try {
      const claims = this.tokens.verify(sessionToken);
      const own = this.verifier.issuers.some((issuer) => sessionKey(issuer, sessionId) === claims.sessionId);
      return own && claims.role === role && claims.clientId === clientId ? claims.sessionId : null;
    } catch {
      return null;
    }
  }
}
