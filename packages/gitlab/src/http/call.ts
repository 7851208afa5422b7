import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';

/** One request to a GitLab instance. */
export interface GitlabCall {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly url: URL;
  /** The token among them; shown to no other origin than that of `url`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Certificates of authorities that are trusted in addition to the usual ones, PEM. */
  readonly ca: readonly string[];
  /** For the whole of it, the answer included. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface GitlabAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const REDIRECTS = 3;

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function once(call: GitlabCall, signal: AbortSignal): Promise<GitlabAnswer> {
  const { method, url, body, ca, maxBytes } = call;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method,
      headers: { ...call.headers, ...length },
      signal,
      ...(ca.length === 0 ? {} : { ca: [...rootCertificates, ...ca] }),
    });
    request.on('error', reject).on('response', resolve);
    request.end(body);
  });
  const { statusCode = 0, headers } = response;
  return { status: statusCode, headers, body: await bodyOf(response, maxBytes) };
}

/**
 * Every status is an answer. Downloads are followed to object storage, to which the token is not shown: it would be
 * none of its business, and some of them refuse it.
 * @throws Error when there is no answer in time, or one that is too large
 */
export async function gitlabCall(call: GitlabCall): Promise<GitlabAnswer> {
  const signal = AbortSignal.timeout(call.timeoutMs);
  let next = call;
  try {
    for (let left = REDIRECTS; ; left--) {
      const answer = await once(next, signal);
      const { location } = answer.headers;
      const moved = answer.status >= 301 && answer.status <= 308 && location !== undefined;
      if (!moved || call.method !== 'GET' || left === 0) return answer;
      const url = new URL(location, next.url);
      next = { ...next, url, headers: url.origin === call.url.origin ? call.headers : {} };
    }
  } catch (thrown) {
    if (signal.aborted) throw new Error(`no answer within ${call.timeoutMs} ms`, { cause: thrown });
    throw thrown;
  }
}
