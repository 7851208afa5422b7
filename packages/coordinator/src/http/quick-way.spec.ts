import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { FileBody } from '../artifacts/file-body';
import type { Claims } from '../auth/token';
import { quickWay, type QuickWayDeps } from './quick-way';

const CLAIMS: Claims = { sessionId: 's1', role: 'agent', clientId: 'a1', expiresAtMs: 1e15, grant: null };
const GRANT = {} as NonNullable<Claims['grant']>;

let server: Server;
let claims: Claims | null;
let deps: QuickWayDeps;
let body: Buffer | FileBody | null;
beforeEach(async () => {
  [claims, body] = [CLAIMS, Buffer.from('content')];
  const parts = {
    tokens: { knownClaims: (token: string) => (token === 'good' ? claims : null) },
    registry: { isOpen: (id: string) => id === 's1' },
    artifacts: { getNow: () => (body === null ? null : { bytes: 7, sha256: 'ab'.repeat(32), body }) },
    onAuthenticated: jest.fn(),
    notices: null,
    limits: { bodyWindowMs: 60_000, bodyWindowBytes: 1_000 },
    logger: { warn: jest.fn() },
  };
  deps = parts as unknown as QuickWayDeps;
  server = createServer((...all) =>
    quickWay(deps, (_request, response) => void response.writeHead(418).end('otherwise'))(...all),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function ask({
  path = '/v1/cache/a1',
  method = 'GET',
  token = 'good',
  content = '',
} = {}): Promise<string> {
  const call = request({
    port: (server.address() as AddressInfo).port,
    agent: false,
    path,
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(content === '' ? {} : { 'content-length': content.length }),
    },
  });
  call.end(content);
  const [answer] = (await once(call, 'response')) as [IncomingMessage];
  return text(answer);
}

describe('the quick way', () => {
  it('answers what is usual, and makes its connection known', async () => {
    expect(await ask()).toBe('content');
    expect(await ask({ path: '/v1/cache/a1/terminal' })).toBe('content');
    expect(deps.onAuthenticated).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['another method', { method: 'PUT' }],
    ['a body', { content: 'x' }],
    ['another path', { path: '/v1/cache/a1/check' }],
    ['a path that has to be decoded', { path: '/v1/cache/..%2fa1' }],
    ['a query', { path: '/v1/cache/a1?a=1' }],
    ['a token that nobody knows', { token: 'other' }],
  ])('leaves %s to the others', async (_what, options) => {
    expect(await ask(options)).toBe('otherwise');
    expect(deps.onAuthenticated).not.toHaveBeenCalled();
  });

  it.each([
    ['a session that is not in memory', { ...CLAIMS, sessionId: 's2' }],
    ['a person who looks at a report', { ...CLAIMS, role: 'viewer' }],
    ['a token that has expired', null],
  ] as const)('leaves %s to the others', async (_what, who) => {
    claims = who;
    expect(await ask()).toBe('otherwise');
  });

  it('leaves a main job to the others that may have to be told something', async () => {
    deps = { ...deps, notices: {} as QuickWayDeps['notices'] };
    claims = { ...CLAIMS, role: 'main', grant: GRANT };
    expect(await ask()).toBe('otherwise');
    claims = { ...CLAIMS, role: 'agent', grant: GRANT };
    expect(await ask()).toBe('content');
  });

  it('leaves what cannot be read to the others, with its file closed', async () => {
    const close = jest.fn();
    const read = (): number => {
      throw new Error('EIO');
    };
    body = new FileBody({ read, close }, 7);
    expect(await ask()).toBe('otherwise');
    expect(close).toHaveBeenCalledTimes(1);
    body = null;
    expect(await ask()).toBe('otherwise');
  });
});
