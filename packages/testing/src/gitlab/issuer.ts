import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { Answer } from './answer';

/** The claims that tests choose; all others of an id token are filled in as GitLab does. */
export interface FakeClaims {
  readonly project_id: string;
  readonly pipeline_id: string;
  readonly job_id: string;
  readonly sha: string;
  /** Any other claim, or another value for a default one; undefined omits it. */
  readonly [claim: string]: unknown;
}

export interface IdTokenOptions {
  /** Default `dte`. */
  readonly audience?: string | readonly string[];
  /** Seconds from now; negative: expired. Default one hour. */
  readonly expiresInS?: number;
  /** `none`: unsigned. `HS256`: signed with the public key as if it were a secret. Default RS256. */
  readonly alg?: 'RS256' | 'none' | 'HS256';
  /** Another key id in the header than that of the signing key. */
  readonly kid?: string;
}

interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const newKey = (): SigningKey => ({
  kid: randomUUID(),
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }),
});

const signatureOf = (text: string, alg: 'RS256' | 'none' | 'HS256', key: SigningKey): string => {
  if (alg === 'none') return '';
  if (alg === 'RS256') return sign('sha256', Buffer.from(text), key.privateKey).toString('base64url');
  const secret = key.publicKey.export({ type: 'spki', format: 'pem' });
  return createHmac('sha256', secret).update(text).digest('base64url');
};

/** GitLab sets `nbf` to slightly before now, for clocks that are a little slow. */
const NOT_BEFORE_S = 5;
/** Lifetime of a token: as long as the default timeout of a job. */
const DEFAULT_LIFE_S = 3_600;

/** The part of a GitLab instance that issues id tokens and publishes the signing keys. */
export class FakeIssuer {
  /** The newest first; created on demand, because that takes a moment. */
  private made: readonly SigningKey[] = [];

  constructor(
    readonly url: string,
    private readonly now: () => number,
  ) {}

  /** Signs with a new key from now on. `keepOld`: earlier tokens stay valid. */
  rotateKeys(keepOld = false): void {
    this.made = keepOld ? [newKey(), ...this.made] : [];
  }

  private get keys(): readonly [SigningKey, ...SigningKey[]] {
    const [first = newKey(), ...others] = this.made;
    this.made = [first, ...others];
    return [first, ...others];
  }

  idToken(claims: FakeClaims, options: IdTokenOptions = {}): string {
    const { audience = 'dte', expiresInS = DEFAULT_LIFE_S } = options;
    const nowS = Math.floor(this.now() / 1000);
    const payload = {
      namespace_id: '72',
      namespace_path: 'group',
      project_path: `group/project-${claims.project_id}`,
      user_id: '1',
      user_login: 'sample-user',
      user_email: 'sample-user@example.com',
      pipeline_source: 'push',
      ref: 'main',
      ref_type: 'branch',
      ref_path: 'refs/heads/main',
      ref_protected: 'true',
      // The only id that GitLab does not write as a string.
      runner_id: 1,
      runner_environment: 'self-hosted',
      project_visibility: 'private',
      jti: randomUUID(),
      iss: this.url,
      aud: audience,
      sub: `project_path:group/project-${claims.project_id}:ref_type:branch:ref:main`,
      iat: nowS,
      nbf: nowS - NOT_BEFORE_S,
      exp: nowS + expiresInS,
      ...claims,
    };
    return this.signed(payload, options);
  }

  /** A JWT with this content. */
  signed(payload: object, options: Pick<IdTokenOptions, 'alg' | 'kid'> = {}): string {
    const { alg = 'RS256' } = options;
    const [key] = this.keys;
    const text = `${base64url({ kid: options.kid ?? key.kid, typ: 'JWT', alg })}.${base64url(payload)}`;
    return `${text}.${signatureOf(text, alg, key)}`;
  }

  /** Null: not a path of the issuer. Neither document requires a token. */
  answer(path: string): Answer | null {
    if (path === '/.well-known/openid-configuration') {
      const body = {
        issuer: this.url,
        authorization_endpoint: `${this.url}/oauth/authorize`,
        token_endpoint: `${this.url}/oauth/token`,
        jwks_uri: `${this.url}/oauth/discovery/keys`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'project_id', 'pipeline_id', 'job_id', 'sha'],
      };
      return { status: 200, body };
    }
    if (path !== '/oauth/discovery/keys') return null;
    const keys = this.keys.map(({ kid, publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      use: 'sig',
      alg: 'RS256',
    }));
    return { status: 200, body: { keys } };
  }
}
