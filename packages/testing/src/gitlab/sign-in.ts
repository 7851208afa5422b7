import { createHash, randomBytes } from 'node:crypto';
import { type Answer, type Call, refusal, UNAUTHORIZED } from './answer';
import type { FakeIssuer } from './issuer';

/** An application that is registered in the instance. */
export interface FakeApplication {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
}

/** A person who signs in; `members`: roles by project, as GitLab's numbers (20: Reporter). */
export interface FakeUser {
  readonly id: number;
  readonly members: Readonly<Record<string, number>>;
  /** Default `active`. */
  readonly state?: string;
}

interface Grant {
  readonly userId: number;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly nonce: string;
  readonly challenge: string;
  readonly scope: string;
}

const INVALID_GRANT: Answer = { status: 400, body: { error: 'invalid_grant' } };

/** How an answer differs from that of GitLab. */
export interface SignInFault {
  /** Claims of the id token; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Another signature algorithm. */
  readonly alg?: 'none' | 'HS256';
}

/** The part of an instance where people sign in: OpenID Connect with PKCE, and who is a member of which project. */
export class FakeSignIn {
  fault: SignInFault = {};
  private application: FakeApplication | null = null;
  private user: FakeUser | null = null;
  private readonly codes = new Map<string, Grant>();
  private readonly tokens = new Map<string, Grant>();

  constructor(
    private readonly issuer: FakeIssuer,
    private readonly now: () => number,
  ) {}

  register(application: FakeApplication): void {
    this.application = application;
  }

  /** Whoever is sent to the instance next is this user, and agrees. */
  as(user: FakeUser): void {
    this.user = user;
  }

  answer(call: Call): Answer | null {
    if (call.path === '/oauth/authorize') return this.authorize(call.query);
    if (call.path === '/oauth/token' && call.method === 'POST')
      return this.token(new URLSearchParams(call.body.toString('utf8')));
    const member = /^\/api\/v4\/projects\/([^/]+)\/members\/all\/([0-9]+)$/.exec(call.path);
    const bearer = /^Bearer (.*)$/.exec(call.headers.authorization ?? '')?.[1];
    if (member === null || bearer === undefined) return null;
    return this.member(bearer, member[1] ?? '', Number(member[2]));
  }

  private authorize(query: URLSearchParams): Answer {
    const { application, user } = this;
    if (application === null || user === null) return refusal(400, 'invalid_request');
    const isValid =
      query.get('response_type') === 'code' &&
      query.get('client_id') === application.clientId &&
      query.get('redirect_uri') === application.redirectUri &&
      query.get('code_challenge_method') === 'S256';
    if (!isValid) return refusal(400, 'invalid_request');
    const code = randomBytes(16).toString('hex');
    this.codes.set(code, {
      userId: user.id,
      clientId: application.clientId,
      redirectUri: application.redirectUri,
      nonce: query.get('nonce') ?? '',
      challenge: query.get('code_challenge') ?? '',
      scope: query.get('scope') ?? '',
    });
    const back = new URL(application.redirectUri);
    back.searchParams.set('code', code);
    back.searchParams.set('state', query.get('state') ?? '');
    return { status: 302, headers: { location: back.href } };
  }

  private token(form: URLSearchParams): Answer {
    const code = form.get('code') ?? '';
    const grant = this.codes.get(code);
    // A code is valid once.
    this.codes.delete(code);
    const verifier = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (grant === undefined) return INVALID_GRANT;
    const isValid =
      form.get('grant_type') === 'authorization_code' &&
      form.get('client_id') === grant.clientId &&
      form.get('client_secret') === this.application?.clientSecret &&
      form.get('redirect_uri') === grant.redirectUri &&
      verifier === grant.challenge;
    if (!isValid) return INVALID_GRANT;
    const accessToken = randomBytes(32).toString('hex');
    this.tokens.set(accessToken, grant);
    const idToken = this.idToken(grant);
    return { status: 200, body: { access_token: accessToken, token_type: 'Bearer', id_token: idToken } };
  }

  private idToken({ userId, clientId, nonce }: Grant): string {
    const { claims = {}, alg } = this.fault;
    const nowS = Math.floor(this.now() / 1000);
    const payload = {
      iss: this.issuer.url,
      sub: String(userId),
      aud: clientId,
      nonce,
      iat: nowS,
      exp: nowS + 120,
    };
    return this.issuer.signed({ ...payload, ...claims }, alg === undefined ? {} : { alg });
  }

  private member(accessToken: string, project: string, userId: number): Answer {
    const grant = this.tokens.get(accessToken);
    if (grant === undefined) return UNAUTHORIZED;
    if (!grant.scope.split(' ').includes('read_api')) return refusal(403, 'insufficient_scope');
    const level = this.user?.members[project];
    if (this.user?.id !== userId || level === undefined) return refusal(404, '404 Not found');
    return { status: 200, body: { id: userId, access_level: level, state: this.user.state ?? 'active' } };
  }
}
