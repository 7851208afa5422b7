import type { IncomingMessage, ServerResponse } from 'node:http';

/** The answer of an endpoint before it is written. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string or bytes are sent unchanged, anything else as JSON; omitted: no body. */
  readonly body?: unknown;
}

export interface Call {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** GitLab's error format: `{"message":"404 Not found"}`. */
export const refusal = (status: number, message: string): Answer => ({ status, body: { message } });

export const UNAUTHORIZED = refusal(401, '401 Unauthorized');
export const FORBIDDEN = refusal(403, '403 Forbidden');
export const NOT_FOUND = refusal(404, '404 Not found');
export const PROJECT_NOT_FOUND = refusal(404, '404 Project Not Found');

export async function readCall(request: IncomingMessage): Promise<Call> {
  const url = new URL(request.url ?? '/', 'http://fake');
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return {
    method: request.method ?? 'GET',
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.concat(chunks),
  };
}

export function writeAnswer(response: ServerResponse, answer: Answer): void {
  const { status, headers = {}, body } = answer;
  const raw = typeof body === 'string' || Buffer.isBuffer(body);
  const contentType = raw ? 'text/plain' : 'application/json';
  response.writeHead(status, body === undefined ? headers : { 'content-type': contentType, ...headers });
  response.end(raw || body === undefined ? body : JSON.stringify(body));
}

/** As GitLab's API has it. */
const DEFAULT_PER_PAGE = 20;
/** As GitLab's API has it. */
const MAX_PER_PAGE = 100;

/** One page of a list with the headers of GitLab's offset pagination. */
export function page(items: readonly unknown[], query: URLSearchParams): Answer {
  const perPage = Math.min(Number(query.get('per_page') ?? DEFAULT_PER_PAGE), MAX_PER_PAGE);
  const number = Number(query.get('page') ?? 1);
  const pages = Math.max(1, Math.ceil(items.length / perPage));
  return {
    status: 200,
    headers: {
      'x-page': String(number),
      'x-per-page': String(perPage),
      'x-total': String(items.length),
      'x-total-pages': String(pages),
      'x-next-page': number < pages ? String(number + 1) : '',
    },
    body: items.slice((number - 1) * perPage, number * perPage),
  };
}
