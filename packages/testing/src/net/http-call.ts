import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Readable } from 'node:stream';

export interface HttpCall {
  readonly method?: string;
  /** Sent unchanged: nothing is normalised, so that tests can try invalid paths. */
  readonly path: string;
  readonly token?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer | Readable;
  readonly agent?: Agent;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Of `body`. */
  readonly text: string;
  /** Header `x-dte-error`. */
  readonly code: string | null;
}

/** One HTTP request to `http://host:port` or `https://host:port` (with any certificate), including its answer. */
export function httpCall(url: string, call: HttpCall): Promise<HttpAnswer> {
  const { hostname, port, protocol } = new URL(url);
  const headers: Record<string, string> = { ...call.headers };
  if (call.token !== undefined) headers['authorization'] = `Bearer ${call.token}`;
  if (typeof call.body === 'string' || Buffer.isBuffer(call.body)) {
    headers['content-length'] ??= String(Buffer.byteLength(call.body));
  }
  return new Promise((resolve, reject) => {
    const { method = 'GET', path, agent } = call;
    const options = { hostname, port, method, path, headers, agent };
    const onResponse = (response: IncomingMessage): void => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        const code = response.headers['x-dte-error'];
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body,
          text: body.toString('utf8'),
          code: typeof code === 'string' ? code : null,
        });
      });
    };
    const outgoing =
      protocol === 'https:'
        ? requestTls({ ...options, rejectUnauthorized: false }, onResponse)
        : request(options, onResponse);
    outgoing.on('error', reject);
    if (call.body === undefined || typeof call.body === 'string' || Buffer.isBuffer(call.body))
      outgoing.end(call.body);
    else call.body.on('error', (error) => outgoing.destroy(error)).pipe(outgoing);
  });
}
