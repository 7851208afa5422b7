import { sessionIdOf } from '@org/dte-identity';
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { DteError, type ErrorCode, NOTICE_HEADER, noticeHeaderOf } from '@org/dte-protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { ReadGrant } from '../auth/cache-grant';
import type { CacheReaders } from '../auth/cache-readers';
import { type Caller, type Claims, type TokenIssuer, unauthorized } from '../auth/token';
import { viewerTokenOf } from '../auth/viewer';
import type { SessionRegistry } from '../session/registry';
import type { Notices } from '../shared/notices';
import { drain } from './body';
import { answerError, asAnswer } from './error-answer';

interface Request {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** A path parameter, decoded by the router: not validated yet. */
  readonly param: (name: string) => string;
}

/** A request with a valid token. */
export interface Call extends Request {
  readonly claims: Claims;
}

/** A request of somebody who may only read the shared cache: see `CacheReaders`. */
export interface ReaderCall extends Request {
  readonly grant: ReadGrant;
}

export interface Endpoint {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** With `:name` for parameters. */
  readonly path: string;
  readonly roles: readonly Caller[];
  /** Resolves to the body of the answer. */
  readonly handle: (call: Call) => Promise<unknown>;
  /** Omitted: readers of the shared cache are refused. */
  readonly handleReader?: (call: ReaderCall) => Promise<unknown>;
}

export interface EndpointDeps {
  readonly tokens: TokenIssuer;
  readonly registry: SessionRegistry;
  readonly logger: Logger;
  /** Is this the `Host` of a request to this coordinator? See `isOwnHost`. */
  readonly isOwnHost: (host: string | undefined) => boolean;
  /** A valid token arrived on this socket. */
  readonly onAuthenticated: (socket: Socket) => void;
  /** Null: there are none. */
  readonly readers: CacheReaders | null;
  /** Null: there is nothing to say to main jobs. */
  readonly notices: Notices | null;
}

/** Adds an endpoint: token, role and session are checked before its handler gets the request. */
export function addEndpoint(server: FastifyInstance, deps: EndpointDeps, endpoint: Endpoint): void {
  server.route({
    method: endpoint.method,
    url: endpoint.path,
    handler: async (request, reply) => {
      try {
        const token = tokenOf(deps, endpoint, request);
        const call = { request, reply, param: (name: string) => parameter(request, name) };
        const grant = token === undefined ? null : ((await deps.readers?.find(token)) ?? null);
        if (grant !== null) return await serveReader(deps, endpoint, { ...call, grant });
        const claims = await authorise(deps, token);
        deps.onAuthenticated(request.raw.socket);
        if (!endpoint.roles.includes(claims.role)) return await refuseRole(endpoint, claims, request, reply);
        return await handle(deps, endpoint, { ...call, claims });
      } catch (thrown) {
        return fail(deps, request, reply, thrown);
      }
    },
  });
}

/** The answer tells a main job what it has to know of the shared cache, unless its headers are sent already. */
async function handle({ notices }: EndpointDeps, endpoint: Endpoint, call: Call): Promise<unknown> {
  const { claims, reply } = call;
  const { sessionId, grant, role } = claims;
  if (notices === null || grant === null || role !== 'main') return endpoint.handle(call);
  notices.listen(sessionId);
  const answer = await endpoint.handle(call);
  if (reply.sent) return answer;
  const lines = notices.newsFor(sessionId, grant);
  if (lines.length > 0) reply.header(NOTICE_HEADER, noticeHeaderOf(lines));
  return answer;
}

/** Cookies count only where people read: a site that a browser visits can make it send them, but not a header. */
function tokenOf(
  { isOwnHost }: EndpointDeps,
  { method, roles }: Endpoint,
  { headers }: FastifyRequest,
): string | undefined {
  const bearer = bearerOf(headers);
  if (bearer !== undefined || method !== 'GET' || !roles.includes('viewer')) return bearer;
  return isOwnHost(headers.host) ? viewerTokenOf(headers.cookie) : undefined;
}

export const bearerOf = ({ authorization }: IncomingHttpHeaders): string | undefined =>
  /^Bearer (\S{1,1024})$/i.exec(authorization ?? '')?.[1];

async function authorise({ tokens, registry }: EndpointDeps, token: string | undefined): Promise<Claims> {
  if (token === undefined) throw unauthorized('This request has no token (Authorization: Bearer ...).');
  const claims = tokens.verify(token);
  if (await registry.exists(claims.sessionId)) return claims;
  throw unauthorized(`The session ${sessionIdOf(claims.sessionId)} of this token no longer exists.`);
}

/** Nx shows the text of a 403 to its user. */
async function serveReader(
  { onAuthenticated }: EndpointDeps,
  { method, handleReader }: Endpoint,
  call: ReaderCall,
): Promise<unknown> {
  const { request, reply } = call;
  onAuthenticated(request.raw.socket);
  if (handleReader !== undefined) return handleReader(call);
  const error = unauthorized(
    `This token only reads the shared cache; ${method} ${request.routeOptions.url ?? request.url} is not allowed with it.`,
  );
  await settleBody(request, reply);
  return answerError(reply, error, 403);
}

async function refuseRole(
  { method, roles }: Endpoint,
  { role }: Claims,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const path = request.routeOptions.url ?? request.url;
  const error = unauthorized(
    `${method} ${path} requires the role ${roles.join(' or ')}; this token has the role ${role}.`,
  );
  await settleBody(request, reply);
  return answerError(reply, error, 403);
}

/** Most errors are normal answers; the client decides what they mean. */
const LEVELS: Partial<Record<ErrorCode, 'error' | 'warn'>> = {
  DTE_INTERNAL: 'error',
  DTE_DISK_FULL: 'warn',
  DTE_COORDINATOR_LOST: 'warn',
};

async function fail(
  { logger }: EndpointDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  thrown: unknown,
): Promise<FastifyReply> {
  const error = asAnswer(thrown);
  const level = LEVELS[error.code] ?? 'debug';
  logger[level](
    { method: request.method, url: pathOf(request), code: error.code, err: thrown },
    error.message,
  );
  await settleBody(request, reply);
  return answerError(reply, error);
}

/** Without the query: that of a sign-in has a credential. */
export const pathOf = ({ url }: Pick<FastifyRequest, 'url'>): string => url.split('?', 1)[0] ?? '';

async function settleBody(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (!(await drain(request.raw))) reply.header('connection', 'close');
}

function parameter({ params }: FastifyRequest, name: string): string {
  const value: unknown = Reflect.get(Object(params), name);
  if (typeof value === 'string') return value;
  throw new DteError('DTE_INTERNAL', `The route has no parameter ${name}.`);
}
