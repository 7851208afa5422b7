import {
  type IdTokenClaims,
  IdTokenVerifier,
  readOwnIdToken,
  requireOwnSession,
  requireSamePipeline,
  sessionKey,
} from '@org/dte-identity';
import { DteError, type Hello, type LimitValues } from '@org/dte-protocol';
import { type CacheGrant, grantOf } from './cache-grant';
import type { TokenIssuer } from './token';

/** Whose jobs a coordinator serves, according to GitLab's id tokens. */
export interface IdTokenOptions {
  /** Addresses of the GitLab instances, as in their CI_SERVER_URL. At least one. */
  readonly issuers: readonly string[];
  readonly audience: string;
  /** CA certificates (PEM) that are trusted for the instances in addition to the usual ones. Default none. */
  readonly authorities?: readonly string[];
  /**
   * The id token of the job that this coordinator is part of. It then serves only the pipeline of that job, and
   * presents the token to the clients that it has authenticated. Omitted by a standalone coordinator.
   */
  readonly own?: string;
}

/** Which session a client may join, and what it may do with the shared cache. */
export interface Admission {
  readonly sessionKey: string;
  /** Null: nothing. */
  readonly grant: CacheGrant | null;
}

/** Lets jobs join the session of their own pipeline and no other. */
export class PipelineDoor {
  readonly ownToken: string | null;
  private readonly own: IdTokenClaims | null;
  private readonly verifier: IdTokenVerifier;

  /** @throws DteError DTE_BAD_CONFIG, DTE_ID_TOKEN_REFUSED (its own token is invalid) */
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
   * What a client may do: according to its id token or, if that has expired in a long job, to the token of its earlier
   * welcome.
   * @throws DteError DTE_ID_TOKEN_REFUSED, DTE_ISSUER_UNAVAILABLE
   */
  async admit(hello: Hello): Promise<Admission> {
    const known = this.admissionOfSessionToken(hello);
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
    return { sessionKey: sessionKey(claims.issuer, sessionId), grant: grantOf(claims) };
  }

  /** Those whose jobs are accepted. */
  get issuers(): readonly string[] {
    return this.verifier.issuers;
  }

  /**
   * Where the rejection of an unauthenticated client is recorded: in the only pipeline that this coordinator serves. If
   * it serves many, nowhere: otherwise, unauthenticated clients could write to the logs of other pipelines.
   */
  claimedKey(sessionId: string): string | null {
    return this.own === null ? null : sessionKey(this.own.issuer, sessionId);
  }

  /** Null if there is none, or it is not valid (any more): then the id token decides. */
  private admissionOfSessionToken({ sessionToken, sessionId, role, clientId }: Hello): Admission | null {
    if (sessionToken === null || sessionToken === undefined) return null;
    try {
      const claims = this.tokens.verify(sessionToken);
      const own = this.verifier.issuers.some((issuer) => sessionKey(issuer, sessionId) === claims.sessionId);
      if (!own || claims.role !== role || claims.clientId !== clientId) return null;
      return { sessionKey: claims.sessionId, grant: claims.grant };
    } catch {
      return null;
    }
  }
}
