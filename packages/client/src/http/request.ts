import * as http from 'node:http';
import * as https from 'node:https';
import { type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { OLDEST_TLS } from '@org/dte-identity';
import { DIGEST_HEADER, DIRECT_HEADER, DteError, HTTP, digestHeaderOf } from '@org/dte-protocol';
import { ERROR_HEADER, errorOfAnswer, errorOfFailure } from './http-error';
import { endWhenSilent } from './silence';

/** One request, with its specific settings. */
export interface RequestSpec {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** A function is called again for each try; a plain stream can be sent only once. */
  readonly body?: string | (() => Readable) | undefined;
  readonly contentType?: string | undefined;
  /** Of a body whose content is known already: other content is refused. `sha256` in base64. */
  readonly announced?: { readonly bytes: number; readonly sha256: string };
  /** The answer may be 307, with an address where the artifact can be read. */
  readonly direct?: boolean;
  /** The answer may be packed with brotli or gzip (see its `content-encoding`). */
  readonly takesPacked?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Where requests go, and through which sockets. */
export interface Transport {
  readonly agent: http.Agent;
  readonly secure: boolean;
}

/** One try of a request. */
export interface RequestOptions {
  readonly transport: Transport;
  /** `http(s)://host:port` */
  readonly url: string;
  /** Null: none is sent. */
  readonly token: string | null;
  readonly idleMs: number;
  readonly spec: RequestSpec;
}

/** How much of the body of an error is read. Not configurable: an error of a coordinator is much smaller, and nothing else of the body is used. */
const ERROR_BODY_BYTES = 16 * 1024;

/** Connections of one process to its coordinator. Not configurable: more requests at a time would only wait for the same network. */
const MAX_SOCKETS = 64;

/** A body that fits into any buffer of a kernel. Not configurable: it decides only how long its answer is waited for. */
const SMALL_BODY_CHARS = 64 * 1024;

const SECURE = { minVersion: OLDEST_TLS } as const;

/** @param idleMs how long a socket is kept that no request uses */
export const createTransport = (url: string, idleMs: number): Transport => {
  const secure = url.startsWith('https:');
  // The timeout of sockets without a request; each request brings its own.
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: idleMs };
  return {
    secure,
    agent: secure ? new https.Agent({ ...options, ...SECURE }) : new http.Agent(options),
  };
};

/** Collects a body of at most `maxBytes`. */
export async function readBody(stream: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes)
      throw new DteError('DTE_FRAME_TOO_LARGE', `An answer is larger than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * One try. Resolves with the body of a 2xx answer as a stream. `idleMs` without progress in either direction ends it
 * with DTE_TIMEOUT, also while the answer is read; for uploads see `endWhenSilent`.
 * @throws DteError for every other answer and for none
 */
export async function request(options: RequestOptions): Promise<http.IncomingMessage> {
  const { transport, url, token, idleMs, spec } = options;
  const what = `${spec.method} ${spec.path}`;
  const headers: http.OutgoingHttpHeaders = {};
  if (token !== null) headers.authorization = `Bearer ${token}`;
  if (spec.body !== undefined) headers['content-type'] = spec.contentType ?? 'application/json';
  if (spec.announced !== undefined) {
    headers['content-length'] = spec.announced.bytes;
    headers[DIGEST_HEADER] = digestHeaderOf(spec.announced.sha256);
  }
  if (spec.direct === true) headers[DIRECT_HEADER] = '1';
  if (spec.takesPacked === true) headers['accept-encoding'] = 'br, gzip';
  if (typeof spec.body === 'string') headers['content-length'] = Buffer.byteLength(spec.body);
  const target = new URL(spec.path, url);
  const outgoing = (transport.secure ? https : http).request(target, {
    method: spec.method,
    headers,
    agent: transport.agent,
    timeout: idleMs,
    signal: spec.signal,
  });
  endWhenSilent(outgoing, { what, idleMs, isUpload: isUpload(spec), probe: () => probe(options) });
  const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.on('error', reject);
  });
  // Both may fail for one reason; the first one that is awaited reports it.
  answer.catch(() => undefined);
  const sending = send(outgoing, spec.body);
  sending.catch(() => undefined);

  let response: http.IncomingMessage;
  try {
    // An error of the body itself must not wait for an answer that cannot come; an early answer (disk full) must not
    // wait for the rest of the body.
    response = await Promise.race([answer, sending.then(() => answer)]);
  } catch (thrown) {
    outgoing.destroy();
    throw errorOfFailure(what, thrown);
  }
  const status = response.statusCode ?? 0;
  if ((status >= 200 && status < 300) || isElsewhere(spec, response)) return response;
  const body = await readBody(response, ERROR_BODY_BYTES).catch(() => '');
  if (!outgoing.writableFinished) outgoing.destroy();
  const header = response.headers[ERROR_HEADER];
  throw errorOfAnswer(what, status, typeof header === 'string' ? header : undefined, body);
}

/** Does the answer say where the artifact can be read? */
export const isElsewhere = ({ direct }: RequestSpec, { statusCode }: http.IncomingMessage): boolean =>
  direct === true && statusCode === 307;

const isUpload = ({ body }: RequestSpec): boolean =>
  typeof body === 'function' || (typeof body === 'string' && body.length > SMALL_BODY_CHARS);

/** On a connection of its own, because one of the others may be the problem. */
async function probe({ transport: { secure }, url, idleMs }: RequestOptions): Promise<void> {
  const transport = { secure, agent: secure ? new https.Agent(SECURE) : new http.Agent() };
  const spec = { method: 'GET', path: HTTP.health } as const;
  const answer = await request({ transport, url, token: null, idleMs, spec });
  answer.destroy();
}

async function send(outgoing: http.ClientRequest, body: RequestSpec['body']): Promise<void> {
  if (typeof body === 'function') await pipeline(body(), outgoing);
  else outgoing.end(body);
}
