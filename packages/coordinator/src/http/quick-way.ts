import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { LimitValues } from '@org/dte-protocol';
import type { Logger } from 'pino';
import type { ArtifactKey, ArtifactStore, StoredArtifact } from '../artifacts/artifact-store';
import { FileBody } from '../artifacts/file-body';
import type { Claims } from '../auth/token';
import { bearerOf, type EndpointDeps } from './endpoint';
import { watchPace } from './pace';
import { headersOf } from './send-artifact';

export interface QuickWayDeps extends Pick<
  EndpointDeps,
  'tokens' | 'registry' | 'onAuthenticated' | 'notices'
> {
  readonly artifacts: Pick<ArtifactStore, 'getNow'>;
  readonly limits: LimitValues;
  readonly logger: Logger;
}

/** `HTTP.cache` and `HTTP.terminal` of every hash that needs no decoding: a part of `hashSchema`. */
const PATH = /^\/v1\/cache\/([0-9A-Za-z]{1,128})(\/terminal)?$/;

/**
 * Answers what is asked for most, an artifact of one's own session, without router, hooks and turns: for 1 kB, these take longer than
 * all the rest. Whatever is not usual (another path, a token that is not valid, an artifact that is not there) goes the way of all others, with
 * nothing done yet; so that way alone decides about errors.
 */
export function quickWay(deps: QuickWayDeps, otherwise: RequestListener): RequestListener {
  return (request, response) => {
    const found = find(deps, request);
    if (found === null) otherwise(request, response);
    else if (Buffer.isBuffer(found.body)) response.writeHead(200, headersOf(found)).end(found.body);
    else if (found.body instanceof FileBody) {
      const { body } = found;
      body
        .sendTo(response, () => begin(deps, request, response, found))
        .catch(() => {
          // Of a file that cannot be read, nothing is sent.
          if (response.headersSent) response.destroy();
          else otherwise(request, response);
        });
    } else {
      found.body.destroy();
      otherwise(request, response);
    }
  };
}

function find(deps: QuickWayDeps, request: IncomingMessage): StoredArtifact | null {
  const { artifacts, registry } = deps;
  const { headers, method, url = '' } = request;
  if (method !== 'GET' || headers['content-length'] !== undefined) return null;
  if (headers['transfer-encoding'] !== undefined || headers.expect !== undefined) return null;
  const [, hash, terminal] = PATH.exec(url) ?? [];
  const claims = hash === undefined ? null : claimsOf(deps, request);
  if (hash === undefined || claims === null || !registry.isOpen(claims.sessionId)) return null;
  // It has to be told something with its answer.
  if (deps.notices !== null && claims.grant !== null && claims.role === 'main') return null;
  const kind = terminal === undefined ? 'cache' : 'terminal';
  const key: ArtifactKey = { kind, sessionId: claims.sessionId, hash };
  const found = artifacts.getNow?.(key) ?? null;
  if (found !== null) deps.onAuthenticated(request.socket);
  return found;
}

function claimsOf({ tokens }: QuickWayDeps, { headers }: IncomingMessage): Claims | null {
  const token = bearerOf(headers);
  if (token === undefined) return null;
  const claims = tokens.knownClaims(token);
  return claims === null || claims.role === 'viewer' ? null : claims;
}

/** An answer of a few pieces may take its time; one that is sent at once has the time limit of the connection. */
function begin(
  { limits, logger }: QuickWayDeps,
  request: IncomingMessage,
  response: ServerResponse,
  found: StoredArtifact,
): void {
  const onSlow = (error: Error & { readonly code: string }): void =>
    logger.warn({ code: error.code }, error.message);
  watchPace(request, response, { limits, onSlow });
  response.writeHead(200, headersOf(found));
}
