import {
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { authorities } from './authorities';
import { OLDEST_TLS } from './oldest-tls';
import { connectThrough, plainThrough, type Proxy, proxyFor } from './proxy';

/**
 * One HTTP request with bounds: to an issuer of id tokens, to the API of a GitLab instance, or to a collector of traces.
 * Goes through the proxy that the variables of the process name for the address (`proxyFor`).
 */
export interface BoundedRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly url: URL;
  /** They may contain a token, and are sent only to the origin of `url`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** CA certificates (PEM) that are trusted in addition to the usual ones. */
  readonly ca: readonly string[];
  /** For the whole request, including its redirects and the answer. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Redirects of a GET that are followed; the next one is returned as an answer. 0: none. */
  readonly redirects: number;
}

export interface BoundedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The bound that ended a request: `timeoutMs` or `maxBytes`. Callers name the limit. */
export interface Exceeded {
  readonly exceeded: 'time' | 'size';
  readonly cause?: unknown;
}

/** @returns null if the answer is larger */
async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop closes the connection.
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What is sent, and to whom. */
export type Outgoing = Pick<BoundedRequest, 'method' | 'url' | 'headers' | 'body' | 'ca'>;

/**
 * Opens one request, through the proxy of the process if there is one for the address; nothing is written yet.
 * @throws Error if the proxy does not connect
 */
export async function openRequest(request: Outgoing, signal: AbortSignal): Promise<ClientRequest> {
  const { method, url, body, ca } = request;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const headers = { ...request.headers, ...length };
  const secure = { minVersion: OLDEST_TLS, ...authorities(ca) };
  const proxy = proxyFor(url);
  const isSecure = url.protocol === 'https:';
  if (proxy === null)
    return (isSecure ? httpsRequest : httpRequest)(url, { method, headers, signal, ...secure });
  if (isSecure)
    return httpsRequest(url, { method, headers, signal, ...(await securely(request, proxy, signal)) });
  const { url: next, path, headers: more } = plainThrough(proxy, url);
  const send = next.protocol === 'https:' ? httpsRequest : httpRequest;
  return send(next, { path, method, headers: { ...headers, ...more }, signal, ...secure });
}

/** RFC 9110, 4.2.2. */
const HTTPS_PORT = 443;

/** Through the proxy, which sees only the name of the server. */
async function securely({ url, ca }: Outgoing, proxy: Proxy, signal: AbortSignal): Promise<RequestOptions> {
  const more = authorities(ca);
  const socket = await connectThrough({ proxy, target: url, signal, ...more });
  const { hostname } = url;
  const servername = isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? { servername: hostname } : {};
  const secure = { host: hostname, minVersion: OLDEST_TLS, ...servername, ...more };
  // Without an agent, Node takes the port of plain HTTP for the default, and names it in the header `host`.
  return { defaultPort: HTTPS_PORT, createConnection: () => connectTls({ socket, ...secure }) };
}

/** Not the global `fetch`, which trusts only the certificate authorities that Node was started with. */
async function once(request: BoundedRequest, signal: AbortSignal): Promise<BoundedAnswer | Exceeded> {
  const outgoing = await openRequest(request, signal);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('error', reject).on('response', resolve).end(request.body);
  });
  const { statusCode: status = 0, headers } = response;
  const text = await bodyOf(response, request.maxBytes);
  return text === null ? { exceeded: 'size' } : { status, headers, body: text };
}

/**
 * Every status is an answer. A redirect to another origin, such as the object storage of downloads, is followed without
 * the headers: a token is not meant for that origin, and some servers reject it.
 * @throws Error if there is no connection, or if it breaks
 */
export async function boundedRequest(request: BoundedRequest): Promise<BoundedAnswer | Exceeded> {
  const signal = AbortSignal.timeout(request.timeoutMs);
  try {
    let next = request;
    for (let left = request.redirects; ; left--) {
      const answer = await once(next, signal);
      if ('exceeded' in answer) return answer;
      const { location } = answer.headers;
      const moved = answer.status >= 301 && answer.status <= 308 && location !== undefined;
      if (!moved || request.method !== 'GET' || left === 0) return answer;
      const url = new URL(location, next.url);
      next = { ...next, url, headers: url.origin === request.url.origin ? request.headers : {} };
    }
  } catch (thrown) {
    if (signal.aborted) return { exceeded: 'time', cause: thrown };
    throw thrown;
  }
}
