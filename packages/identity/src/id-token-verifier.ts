import { DteError, type LimitValues, moment } from '@org/dte-protocol';
import type { JWTHeaderParameters, JWTPayload } from 'jose';
import { claimsOf, type IdTokenClaims, refused } from './claims';
import { IssuerKeys, type KeyLimits } from './issuer-keys';
import { jose } from './jose';
import { issuerPrefix } from './same-pipeline';

/** GitLab signs with RS256. The algorithm is fixed here, not taken from the token: `none` and HMAC with a public key are excluded. */
const ALGORITHM = 'RS256';

export interface IdTokenVerifierOptions {
  /** Addresses of the GitLab instances whose jobs are accepted, as in their CI_SERVER_URL. */
  readonly issuers: readonly string[];
  /** The required `aud` of tokens. */
  readonly audience: string;
  readonly limits: KeyLimits & Pick<LimitValues, 'idTokenBytes' | 'idTokenLeewayMs'>;
  /** CA certificates (PEM) that are trusted for the instances in addition to the usual ones. Default none. */
  readonly authorities?: readonly string[];
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
}

/**
 * An issuer as in tokens: GitLab writes no trailing slash.
 * @throws DteError DTE_BAD_CONFIG
 */
export function issuerAsInTokens(issuer: string): string {
  const text = issuer.trim().replace(/\/+$/, '');
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') return text;
  throw new DteError(
    'DTE_BAD_CONFIG',
    `${JSON.stringify(issuer)} is not the address of a GitLab instance (option issuers, DTE_ISSUERS).`,
  );
}

/** Verifies id tokens of GitLab jobs from the configured issuers only. */
export class IdTokenVerifier {
  private readonly keysOf: ReadonlyMap<string, IssuerKeys>;
  private readonly now: () => number;

  /** @throws DteError DTE_BAD_CONFIG */
  constructor(private readonly options: IdTokenVerifierOptions) {
    const { issuers, limits, now = Date.now, authorities = [] } = options;
    this.now = now;
    this.keysOf = new Map(
      issuers
        .map(issuerAsInTokens)
        .map((issuer) => [issuer, new IssuerKeys(issuer, limits, now, authorities)]),
    );
    if (this.keysOf.size === 0)
      throw new DteError(
        'DTE_BAD_CONFIG',
        'No issuer of id tokens is configured (option issuers, DTE_ISSUERS).',
      );
    if (new Set(this.issuers.map(issuerPrefix)).size < this.keysOf.size)
      throw new DteError('DTE_BAD_CONFIG', 'Two of the issuers are indistinguishable: remove one.');
  }

  /** The accepted issuers, as in tokens. */
  get issuers(): readonly string[] {
    return [...this.keysOf.keys()];
  }

  /**
   * Verifies issuer, algorithm, signature, audience and time, in this order.
   * @throws DteError DTE_ID_TOKEN_REFUSED (the message contains the reason), DTE_ISSUER_UNAVAILABLE
   */
  async verify(token: string): Promise<IdTokenClaims> {
    return claimsOf(await this.verifiedPayload(token));
  }

  /** As `verify`, for a token that is not one of a job: what it says is not parsed. */
  async verifiedPayload(token: string): Promise<JWTPayload> {
    const { audience, limits } = this.options;
    if (token.length > limits.idTokenBytes) throw refused(`is larger than ${limits.idTokenBytes} bytes`);
    const { header, issuer } = this.peek(token);
    const keys = issuer === undefined ? undefined : this.keysOf.get(issuer);
    if (issuer === undefined || keys === undefined) {
      throw refused(`was issued by ${JSON.stringify(issuer ?? null)}; accepted: ${this.issuers.join(', ')}`);
    }
    if (header.alg !== ALGORITHM)
      throw refused(`is signed with ${JSON.stringify(header.alg)} instead of ${ALGORITHM}`);
    const key = await keys.find(header);
    const nowMs = this.now();
    try {
      const { payload } = await jose().jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        issuer,
        audience,
        requiredClaims: ['exp', 'iat'],
        clockTolerance: limits.idTokenLeewayMs / 1_000,
        currentDate: new Date(nowMs),
      });
      // `iat` is required, and a number.
      if ((payload.iat ?? Infinity) * 1_000 <= nowMs + limits.idTokenLeewayMs) return payload;
    } catch (thrown) {
      throw refused(this.reason(thrown), thrown);
    }
    throw refused('was issued in the future: check the clocks of GitLab and of this machine');
  }

  /** Parses what is needed to find the key. Nothing of it is trusted yet. */
  private peek(token: string): { header: JWTHeaderParameters; issuer: string | undefined } {
    try {
      const { alg = 'none', kid } = jose().decodeProtectedHeader(token);
      const header = kid === undefined ? { alg } : { alg, kid };
      return { header, issuer: jose().decodeJwt(token).iss };
    } catch (cause) {
      throw refused('is not a JWT', cause);
    }
  }

  private reason(thrown: unknown): string {
    const { errors } = jose();
    if (thrown instanceof errors.JWTExpired) {
      const { exp } = thrown.payload;
      return exp === undefined ? 'has expired' : `expired at ${moment(exp * 1_000)}`;
    }
    if (thrown instanceof errors.JWSSignatureVerificationFailed) return 'has an invalid signature';
    if (thrown instanceof errors.JWTClaimValidationFailed) {
      if (thrown.claim === 'aud') return `has another audience than ${this.options.audience}`;
      if (thrown.claim === 'nbf') return 'is not valid yet: check the clocks of GitLab and of this machine';
      return `cannot be accepted: ${thrown.message}`;
    }
    return `cannot be verified: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}
