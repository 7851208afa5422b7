import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo } from 'node:net';

export interface Call {
  /** What the path has in place of `:name`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** `GET /products/:id` -> what answers it, as JSON. */
export type Routes = Readonly<Record<string, (call: Call) => Promise<unknown>>>;

/** Thrown by a route: the answer has another status than 200. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The parameters of a path that fits the pattern, or null. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return params;
}

export async function answer(routes: Routes, line: string, body: unknown): Promise<[number, unknown]> {
  const [method = '', target = ''] = line.split(' ');
  const url = new URL(target, 'http://shop');
  for (const [route, handle] of Object.entries(routes)) {
    const [wanted, pattern = ''] = route.split(' ');
    const params = wanted === method ? match(pattern, url.pathname) : null;
    if (!params) continue;
    try {
      return [200, await handle({ params, query: url.searchParams, body })];
    } catch (error) {
      return [error instanceof Refusal ? error.status : 500, { error: (error as Error).message }];
    }
  }
  return [404, { error: `Nothing answers ${line}` }];
}

async function read(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text === '' ? undefined : JSON.parse(text);
}

/** Listens on PORT, or on a free port, and prints the address. */
export function serve(routes: Routes): void {
  const server = createServer((request, response) => {
    void read(request)
      .then((body) => answer(routes, `${request.method} ${request.url}`, body))
      .then(([status, result]) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(result));
      });
  });
  server.listen(Number(process.env['PORT'] ?? 0), '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}
