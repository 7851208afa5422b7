import type { Socket } from 'node:net';
import { DteError, HTTP, LIMITS, type LimitValues } from '@org/dte-protocol';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { systemCode } from '../files/file-system';
import { artifactEndpoints, type ArtifactDeps } from './artifact-endpoints';
import { cacheForgetEndpoint } from './cache-forget';
import { directUploadEndpoints } from './direct-uploads';
import { addEndpoint, type EndpointDeps } from './endpoint';
import { answerError, statusOf } from './error-answer';
import { watchPace } from './pace';
import { quickWay } from './quick-way';
import type { Readiness } from './readiness';
import { reportEndpoints } from './report-endpoints';
import { sessionEndpoints } from './session-endpoints';
import { createTransport, type TlsKey } from './transport';

export type HttpServerDeps = EndpointDeps &
  ArtifactDeps & {
    readonly limits: LimitValues;
    readonly tls: TlsKey | null;
    readonly now: () => number;
    /** The coordinator is part of a job, and ends with it. */
    readonly endsWithJob: boolean;
    readonly readiness: Pick<Readiness, 'trouble'>;
    /** As returned by `roomForConnections`. */
    readonly room: number | null;
  };

/** The HTTP side of the port. */
export function createHttpServer(deps: HttpServerDeps): FastifyInstance {
  const server = fastify({
    logger: false,
    // Endpoints limit their bodies themselves while they read them.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    serverFactory: (listener) => createTransport(quickWay(deps, listener), deps.tls, deps.limits, deps.room),
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    routerOptions: { maxParamLength: LIMITS.pathParameterChars.value },
    frameworkErrors: (error, _request, reply) => {
      answerError(
        reply,
        new DteError('DTE_INVALID_ID', `The URL of this request is invalid: ${error.message}.`),
        400,
      );
    },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, deps.limits),
  });
  server.addHook('onRequest', (request, reply, done) => {
    watchPace(request.raw, reply.raw, {
      limits: deps.limits,
      onSlow: (error) => deps.logger.warn({ code: error.code }, error.message),
    });
    done();
  });
  // Bodies are streams, whatever their type: an artifact is never completely in memory.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  server.setNotFoundHandler((request, reply) =>
    answerError(
      reply,
      new DteError('DTE_INVALID_ID', `No endpoint for ${request.method} ${request.url.slice(0, 200)}.`),
      404,
    ),
  );
  server.setErrorHandler((error, _request, reply) => answerError(reply, whatIsWrong(error)));
  server.get(HTTP.health, () => ({ ok: true }));
  server.get(HTTP.ready, async (_request, reply) => {
    const why = await deps.readiness.trouble();
    return reply
      .code(why === null ? 200 : 503)
      .header('cache-control', 'no-store')
      .send(why === null ? { ready: true } : { ready: false, why });
  });
  const { registry, limits, now, shared, endsWithJob } = deps;
  const endpoints = [
    ...artifactEndpoints(deps),
    ...directUploadEndpoints(deps),
    cacheForgetEndpoint(shared),
    ...sessionEndpoints(registry, limits, endsWithJob ? shared : null),
    ...reportEndpoints(registry, limits, now, deps.meter),
  ];
  for (const endpoint of endpoints) addEndpoint(server, deps, endpoint);
  return server;
}

/** Endpoints check what they get with zod. Without these, fastify loads its own validator for schemas of routes, 100 modules. */
const noSchemas = (): never => {
  throw new DteError('DTE_INTERNAL', 'A route has a schema of fastify.');
};

/** What fastify rejects before an endpoint sees it, such as a content type that is none, is the client's error. */
function whatIsWrong(error: unknown): DteError {
  const { statusCode, message } = error as FastifyError;
  const byClient = !(error instanceof DteError) && statusCode !== undefined && statusCode < 500;
  return byClient
    ? new DteError('DTE_MALFORMED_MESSAGE', `This is not a valid request: ${message}.`, { cause: error })
    : DteError.from(error);
}

/** Errors below HTTP are answered on the bare socket. A client that half-closes can read the reason. */
function answerBrokenRequest(error: Error, socket: Socket, { headersMs }: LimitValues): void {
  if (systemCode(error) === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const reason = whatIsBroken(error, headersMs);
  const body = `${reason.explain()}\n`;
  socket.end(
    [
      `HTTP/1.1 ${statusOf(reason.code)} Bad Request`,
      'connection: close',
      'content-type: text/plain; charset=utf-8',
      `x-dte-error: ${reason.code}`,
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
  // If the client does not even close its side of the connection, nothing more can be done: it has been informed.
  socket.destroySoon();
}

function whatIsBroken(error: Error, headersMs: number): DteError {
  switch (systemCode(error)) {
    case 'HPE_INVALID_EOF_STATE':
      return new DteError(
        'DTE_ARTIFACT_INCOMPLETE',
        'The request was interrupted before its body was complete.',
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new DteError(
        'DTE_TIMEOUT',
        `The headers of a request took longer than ${headersMs} ms (limit headersMs, DTE_HEADERS_TIMEOUT_MS).`,
      );
    default:
      return new DteError('DTE_MALFORMED_MESSAGE', `This is not a valid request: ${error.message}.`);
  }
}
