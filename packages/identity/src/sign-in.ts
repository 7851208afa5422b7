import { createHash } from 'node:crypto';
import { DteError, printable } from '@org/dte-protocol';
import { z } from 'zod';
import { type BoundedAnswer, type BoundedRequest, boundedRequest } from './bounded-request';
import { fetchJson } from './fetch-json';
import { IdTokenVerifier, type IdTokenVerifierOptions } from './id-token-verifier';
import { sameText } from './proof';

/** `read_api`: to ask whether somebody is a member of a project. */
const SCOPE = 'openid read_api';
/** GitLab's number for the role Reporter, the lowest that sees pipelines of a private project. */
const REPORTER = 20;
/** What a server answers is in it. */
const REASON_CHARS = 500;

const discoverySchema = z.object({
  authorization_endpoint: z.url({ protocol: /^https?$/ }),
  token_endpoint: z.url({ protocol: /^https?$/ }),
});
const tokensSchema = z.object({ access_token: z.string().min(1), id_token: z.string().min(1) });
const claimsSchema = z.object({
  /** GitLab's number of the user. */
  sub: z.string().regex(/^[0-9]{1,20}$/),
  nonce: z.string(),
  azp: z.string().optional(),
});
const memberSchema = z.object({ access_level: z.number(), state: z.string() });

export interface SignInOptions extends Pick<IdTokenVerifierOptions, 'limits' | 'now' | 'authorities'> {
  /** The GitLab instance, as in the CI_SERVER_URL of its jobs. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** As registered with the application in GitLab. */
  readonly redirectUri: string;
}

/** A browser's way back from GitLab, with what was remembered of its way there. */
export interface SignInAnswer {
  readonly code: string;
  /** The nonce and the PKCE verifier of the way there. */
  readonly nonce: string;
  readonly verifier: string;
}

const refused = (why: string, cause?: unknown): DteError =>
  new DteError(
    'DTE_SIGN_IN_REFUSED',
    `You are not signed in: ${printable(why, REASON_CHARS)}.`,
    cause === undefined ? {} : { cause },
  );

/** People sign in with GitLab: OpenID Connect, authorization code with PKCE. What cannot be checked is refused. */
export class GitlabSignIn {
  private readonly tokens: IdTokenVerifier;

  constructor(private readonly options: SignInOptions) {
    const { issuer, clientId, limits, authorities = [], now = Date.now } = options;
    this.tokens = new IdTokenVerifier({ issuers: [issuer], audience: clientId, limits, authorities, now });
  }

  /**
   * Where a browser signs in.
   * @throws DteError DTE_ISSUER_UNAVAILABLE, DTE_SIGN_IN_REFUSED
   */
  async address(state: string, { nonce, verifier }: Omit<SignInAnswer, 'code'>): Promise<string> {
    const { clientId, redirectUri } = this.options;
    const url = new URL((await this.discover()).authorization_endpoint);
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const query = {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      scope: SCOPE,
      state,
      nonce,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  }

  /**
   * Checks that the browser's user is a member of the project, with the role Reporter or higher.
   * @returns the number of the user
   * @throws DteError DTE_SIGN_IN_REFUSED, DTE_ISSUER_UNAVAILABLE
   */
  async memberOf(projectId: string, answer: SignInAnswer): Promise<string> {
    const { access_token, id_token } = await this.redeem(answer);
    const userId = await this.userOf(id_token, answer.nonce);
    await this.requireMember(projectId, userId, access_token);
    return userId;
  }

  private async redeem({ code, verifier }: SignInAnswer): Promise<z.infer<typeof tokensSchema>> {
    const { clientId, clientSecret, redirectUri } = this.options;
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uri: redirectUri,
      code,
      code_verifier: verifier,
    });
    const { token_endpoint } = await this.discover();
    const { status, body: text } = await this.call({
      method: 'POST',
      url: new URL(token_endpoint),
      headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: body.toString(),
    });
    if (status !== 200) throw refused(`GitLab did not accept the sign-in (status ${status})`);
    return parse(tokensSchema, text, 'tokens');
  }

  private async userOf(idToken: string, nonce: string): Promise<string> {
    let payload: unknown;
    try {
      payload = await this.tokens.verifiedPayload(idToken);
    } catch (thrown) {
      const error = DteError.from(thrown);
      throw error.code === 'DTE_ID_TOKEN_REFUSED' ? refused(error.message, thrown) : error;
    }
    const claims = claimsSchema.safeParse(payload);
    if (!claims.success) throw refused('the id token does not name a user');
    const { sub, azp, nonce: told } = claims.data;
    if (!sameText(told, nonce)) throw refused('the id token belongs to another sign-in');
    if (azp !== undefined && azp !== this.options.clientId)
      throw refused('the id token was made for another application');
    return sub;
  }

  private async requireMember(projectId: string, userId: string, accessToken: string): Promise<void> {
    const { issuer } = this.options;
    const url = new URL(
      `${issuer.replace(/\/+$/, '')}/api/v4/projects/${encodeURIComponent(projectId)}/members/all/${userId}`,
    );
    const headers = { accept: 'application/json', authorization: `Bearer ${accessToken}` };
    const { status, body } = await this.call({ method: 'GET', url, headers });
    if (status === 404) throw refused('you are not a member of the project of this pipeline');
    if (status !== 200) throw refused(`GitLab does not say whether you are a member (status ${status})`);
    const { access_level, state } = parse(memberSchema, body, 'a member');
    if (state !== 'active' || access_level < REPORTER)
      throw refused('your role in the project of this pipeline is lower than Reporter');
  }

  /** Addresses of another origin would be sent the secret of the application. */
  private async discover(): Promise<z.infer<typeof discoverySchema>> {
    const { issuer, limits, authorities } = this.options;
    const base = issuer.replace(/\/+$/, '');
    const found = await fetchJson(`${base}/.well-known/openid-configuration`, limits, authorities);
    const parsed = discoverySchema.safeParse(found);
    const { origin } = new URL(base);
    const isOwn =
      parsed.success && Object.values(parsed.data).every((address) => new URL(address).origin === origin);
    if (!isOwn) throw refused(`${base} offers no sign-in of its own`);
    return parsed.data;
  }

  private async call(
    request: Pick<BoundedRequest, 'method' | 'url' | 'headers' | 'body'>,
  ): Promise<BoundedAnswer> {
    const { limits, authorities = [] } = this.options;
    try {
      const answer = await boundedRequest({
        ...request,
        ca: authorities,
        timeoutMs: limits.issuerRequestMs,
        maxBytes: limits.issuerAnswerBytes,
        redirects: 0,
      });
      if (!('exceeded' in answer)) return answer;
      throw new Error(answer.exceeded === 'time' ? 'it did not answer in time' : 'its answer is too large');
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw refused(`GitLab could not be asked: ${why}`, thrown);
    }
  }
}

function parse<T>(schema: z.ZodType<T>, text: string, what: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    // What it answered may contain a token.
    throw refused(`the answer of GitLab is not ${what}`, cause);
  }
}
