import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { OLDEST_TLS } from './oldest-tls';

/** One HTTP request with bounds: to an issuer of id tokens, to the API of a GitLab instance, or to a collector of traces. */
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

/** Not the global `fetch`, which trusts only the certificate authorities that Node was started with. */
async function once(request: BoundedRequest, signal: AbortSignal): Promise<BoundedAnswer | Exceeded> {
  const { method, url, body, ca, maxBytes } = request;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method,
      headers: { ...request.headers, ...length },
      signal,
      minVersion: OLDEST_TLS,
      // Authorities that are passed replace the usual ones.
      ...(ca.length === 0 ? {} : { ca: [...rootCertificates, ...ca] }),
    })
      .on('error', reject)
      .on('response', resolve)
      .end(body);
  });
  const { statusCode: status = 0, headers } = response;
  const text = await bodyOf(response, maxBytes);
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
