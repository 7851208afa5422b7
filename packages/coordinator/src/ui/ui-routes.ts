import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  decode,
  DteError,
  HTTP,
  LIMITS,
  type LimitValues,
  sessionIdSchema,
  type ViewLink,
} from '@org/dte-protocol';
import { z } from 'zod';
import { CALLBACK_PATH, type SignIn, SIGN_IN_COOKIE } from '../auth/sign-in';
import { type Claims, unauthorized } from '../auth/token';
import { cookieOf, viewerCookies, viewerTokenOf } from '../auth/viewer';
import { readBody } from '../http/body';
import { addEndpoint, type Call, type Endpoint, type EndpointDeps } from '../http/endpoint';
import { answerError } from '../http/error-answer';
import { isOwnHost } from './own-host';
import { enterPage, forwardPage, HOME_PAGE, type Page, refusedPage, reportPage } from './pages';

/** A credential of 1,024 characters in JSON. */
const ENTER_BYTES = 2_048;
const enterSchema = z.strictObject({ token: z.string().max(1_024) });

export interface UiDeps extends EndpointDeps {
  readonly limits: LimitValues;
  readonly now: () => number;
  /** Where people reach this coordinator; null: not known. */
  readonly publicUrl: string | null;
  /** This coordinator's own socket is TLS. */
  readonly isSecure: boolean;
  /** Null: people cannot sign in with GitLab. */
  readonly signIn: SignIn | null;
}

/** The link that a main job prints: whoever has it may look at this session's report, until it expires. */
function viewLinkEndpoint({
  tokens,
  limits,
  now,
  publicUrl,
}: Pick<UiDeps, 'tokens' | 'limits' | 'now' | 'publicUrl'>): Endpoint {
  const handle = ({ claims: { sessionId }, reply }: Call): Promise<ViewLink> => {
    reply.header('cache-control', 'no-store');
    const expiresAtMs = now() + limits.viewLinkMs;
    const token = tokens.issue({ sessionId, role: 'viewer', clientId: 'link', expiresAtMs, grant: null });
    return Promise.resolve({ path: `/ui/${sessionId}/open#${token}`, baseUrl: publicUrl, expiresAtMs });
  };
  return { method: 'POST', path: HTTP.viewLink, roles: ['main'], handle };
}

/** GitLab's answer in the address; `error` instead of `code` if somebody has not agreed. */
const callbackSchema = z.object({ state: z.string().max(256), code: z.string().min(1).max(2_048) });
const NOT_GITLABS = new DteError(
  'DTE_SIGN_IN_REFUSED',
  'You are not signed in: GitLab has not confirmed who you are.',
);

const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  // For browsers that do not know `frame-ancestors`.
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

function sendPage(reply: FastifyReply, { html, policy }: Page, status = 200): FastifyReply {
  return reply
    .code(status)
    .headers(HEADERS)
    .header('content-security-policy', policy)
    .type('text/html; charset=utf-8')
    .send(html);
}

/** The pages for people, below `/ui/`. Everything that they show comes from endpoints that check the same credential again. */
export function addUi(server: FastifyInstance, deps: UiDeps): void {
  addEndpoint(server, deps, viewLinkEndpoint(deps));
  const ui = new Ui(deps);
  const at = (method: 'GET' | 'POST', url: string, handle: Handle): void => {
    server.route({
      method,
      url,
      handler: async (request, reply) => {
        try {
          ui.checkHost(request);
          return await handle(request, reply);
        } catch (thrown) {
          return answerError(reply, DteError.from(thrown));
        }
      },
    });
  };
  at('GET', '/ui/', (_, reply) => sendPage(reply, HOME_PAGE));
  // The browser keeps the fragment.
  at('GET', '/ui/:id', (request, reply) => reply.redirect(`/ui/${idOf(request)}/`, 308));
  at('GET', '/ui/:id/', (request, reply) => ui.page(request, reply));
  at('GET', '/ui/:id/open', (_, reply) => sendPage(reply, enterPage(deps.signIn !== null)));
  at('POST', '/ui/:id/enter', (request, reply) => ui.enter(request, reply));
  const { signIn } = deps;
  if (signIn === null) return;
  at('GET', '/ui/:id/sign-in', (request, reply) => ui.beginSignIn(signIn, request, reply));
  at('GET', CALLBACK_PATH, (request, reply) => ui.endSignIn(signIn, request, reply));
}

type Handle = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>;

class Ui {
  constructor(private readonly deps: UiDeps) {}

  checkHost({ headers }: FastifyRequest): void {
    if (isOwnHost(headers.host, this.deps.publicUrl)) return;
    throw unauthorized(
      'This is not the name of this coordinator (option advertisedUrl, DTE_ADVERTISED_URL).',
    );
  }

  async page(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const id = idOf(request);
    const token = viewerTokenOf(request.headers.cookie);
    if (token === undefined || !(await this.mayView(token, id)))
      return sendPage(reply, enterPage(this.deps.signIn !== null), 401);
    const urls = {
      modelUrl: HTTP.sessionModel(id),
      eventsUrl: HTTP.sessionEvents(id),
      outputUrl: HTTP.sessionOutput(id),
    };
    return sendPage(reply, reportPage(urls));
  }

  async enter(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const id = idOf(request);
    requireSameOrigin(request);
    const body = await readBody(request.raw, ENTER_BYTES, 'The credential');
    const { token } = decode(enterSchema, body.toString('utf8'), ENTER_BYTES);
    const claims = await this.viewerOf(token, id);
    const maxAgeMs = claims.expiresAtMs - this.deps.now();
    const secure = this.isSecure(request);
    const cookies = viewerCookies(token, { sessionId: id, maxAgeMs, secure });
    return reply.code(204).headers(HEADERS).header('set-cookie', cookies).send();
  }

  /** To GitLab. */
  async beginSignIn(signIn: SignIn, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      const { address, cookie } = await signIn.begin(idOf(request));
      return await reply
        .headers(HEADERS)
        .header('set-cookie', this.signInCookie(cookie, LIMITS.signInMs.value, request))
        .redirect(address, 303);
    } catch (thrown) {
      return sendPage(reply, refusedPage(DteError.from(thrown).message), 403);
    }
  }

  /** Back from GitLab. */
  async endSignIn(signIn: SignIn, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { tokens, now, limits } = this.deps;
    reply.header('set-cookie', this.signInCookie('', 0, request));
    try {
      const { state, code } = callbackSchema.parse(request.query);
      const { sessionId, userId } = await signIn.end(
        { state, code },
        cookieOf(request.headers.cookie, SIGN_IN_COOKIE),
      );
      const expiresAtMs = now() + limits.viewerMs;
      const token = tokens.issue({
        sessionId,
        role: 'viewer',
        clientId: `user-${userId}`,
        expiresAtMs,
        grant: null,
      });
      const secure = this.isSecure(request);
      reply.header('set-cookie', viewerCookies(token, { sessionId, maxAgeMs: limits.viewerMs, secure }));
      return await sendPage(reply, forwardPage(`/ui/${sessionId}/`));
    } catch (thrown) {
      const { message } = thrown instanceof z.ZodError ? NOT_GITLABS : DteError.from(thrown);
      return sendPage(reply, refusedPage(message), 403);
    }
  }

  private signInCookie(value: string, maxAgeMs: number, request: FastifyRequest): string {
    const secure = this.isSecure(request) ? '; Secure' : '';
    const seconds = maxAgeMs / 1_000;
    return `${SIGN_IN_COOKIE}=${value}; Path=${CALLBACK_PATH}; SameSite=Lax; Max-Age=${seconds}; HttpOnly${secure}`;
  }

  private async mayView(token: string, id: string): Promise<boolean> {
    return this.viewerOf(token, id).then(
      () => true,
      () => false,
    );
  }

  /** @throws DteError DTE_UNAUTHORIZED */
  private async viewerOf(token: string, id: string): Promise<Claims> {
    const claims = this.deps.tokens.verify(token);
    const isValid = claims.role === 'viewer' && claims.sessionId === id;
    if (!isValid || !(await this.deps.registry.exists(id)))
      throw unauthorized('This link is not one to the report of this session.');
    return claims;
  }

  private isSecure({ headers }: FastifyRequest): boolean {
    const { isSecure, publicUrl } = this.deps;
    return isSecure || publicUrl?.startsWith('https:') === true || headers['x-forwarded-proto'] === 'https';
  }
}

function idOf({ params }: FastifyRequest): string {
  const parsed = sessionIdSchema.safeParse(Reflect.get(Object(params), 'id'));
  if (parsed.success) return parsed.data;
  throw new DteError('DTE_INVALID_ID', 'This is not the id of a session.');
}

/** Another site could otherwise give a browser a credential for a report of its own choice. */
function requireSameOrigin({ headers }: FastifyRequest): void {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const isJson = headers['content-type']?.startsWith('application/json') === true;
  const isSameSite = site === undefined || site === 'same-origin';
  const isSameHost = origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
  if (!isJson || !isSameSite || !isSameHost) throw unauthorized('This request comes from another site.');
}
