import { createHash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createCoordinatorCertificate } from '@org/dte-identity';
import { BYTES_HEADER, DIGEST_HEADER, DIRECT_HEADER, digestHeaderOf } from '@org/dte-protocol';
import { FakeCoordinator, ForwardProxy, sendArtifact, testLimits } from '@org/dte-testing';
import { type HttpClient, httpClient } from '../src';

/** Too large for a reader's memory. */
const CONTENT = Buffer.alloc(3_000_000, 'artifact ');
const SHA256 = createHash('sha256').update(CONTENT).digest('base64');
const CREDENTIAL = 'X-Amz-Signature=abcdef';

let server: FakeCoordinator;
let bucket: ReturnType<typeof createServer>;
let bucketUrl: string;
let serve: (request: IncomingMessage, response: ServerResponse) => void;
let atBucket: IncomingMessage['headers'][];
/** GETs at the coordinator: did they ask for an address? */
let asked: boolean[];
let redirect: Record<string, string>;
let notes: string[];
let client: HttpClient;

const listening = async (of: ReturnType<typeof createServer>): Promise<number> => {
  await new Promise<void>((done) => of.listen(0, '127.0.0.1', done));
  return (of.address() as AddressInfo).port;
};

/** @param httpRequestMs for a server that hangs; one that works must have time enough on any machine */
const clientThatWaits = (httpRequestMs: number): HttpClient =>
  httpClient({
    url: server.url,
    token: () => 'secret-token',
    limits: testLimits({ httpRequestMs }),
    note: (line) => void notes.push(line),
  });

beforeEach(async () => {
  [atBucket, asked, notes] = [[], [], []];
  serve = (_request, response) => response.end(CONTENT);
  bucket = createServer((request, response) => {
    atBucket.push(request.headers);
    serve(request, response);
  });
  bucketUrl = `http://127.0.0.1:${await listening(bucket)}/cache/42?${CREDENTIAL}`;
  redirect = {
    location: bucketUrl,
    [DIGEST_HEADER]: digestHeaderOf(SHA256),
    [BYTES_HEADER]: String(CONTENT.length),
  };
  server = await FakeCoordinator.start();
  server.handler = (request, response) => {
    const isDirect = request.headers[DIRECT_HEADER] !== undefined;
    asked.push(isDirect);
    if (isDirect) response.writeHead(307, redirect).end();
    else sendArtifact(response, CONTENT);
  };
  client = clientThatWaits(60_000);
});
afterEach(async () => {
  client.close();
  bucket.closeAllConnections();
  await new Promise((done) => bucket.close(done));
  await server.close();
});

const read = async (): Promise<Buffer> => buffer(await client.getCached('42'));

it('an artifact is read where the coordinator says, without any credential of ours', async () => {
  expect((await read()).equals(CONTENT)).toBe(true);
  expect((await read()).equals(CONTENT)).toBe(true);
  expect(asked).toEqual([true, true]);
  expect(atBucket).toHaveLength(2);
  expect(JSON.stringify(atBucket)).not.toContain('secret-token');
  expect(Object.keys(atBucket[0] ?? {})).not.toContain('authorization');
  expect(notes).toEqual([]);
});

const half = CONTENT.subarray(0, CONTENT.length / 2);
it.each<[string, () => void]>([
  ['says 403', () => (serve = (_request, response) => response.writeHead(403).end('expired'))],
  ['says 500', () => (serve = (_request, response) => response.writeHead(500).end())],
  [
    'has another content',
    () => (serve = (_request, response) => response.end(Buffer.alloc(CONTENT.length, 'x'))),
  ],
  ['has less', () => (serve = (_request, response) => response.end(half))],
  ['has more', () => (serve = (_request, response) => response.end(Buffer.concat([CONTENT, half])))],
  [
    'is cut off',
    () =>
      (serve = (_request, response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(half, () => response.destroy());
      }),
  ],
  [
    'sends elsewhere',
    () => (serve = (_request, response) => response.writeHead(302, { location: bucketUrl }).end()),
  ],
  ['does not exist', () => (redirect['location'] = 'http://bucket.invalid/cache/42')],
  ['refuses connections', () => (redirect['location'] = 'http://127.0.0.1:1/cache/42')],
  ['has an address of another kind', () => (redirect['location'] = 'file:///etc/passwd')],
  ['has no address', () => Reflect.deleteProperty(redirect, 'location')],
  ['has no digest', () => Reflect.deleteProperty(redirect, DIGEST_HEADER)],
  ['has no size', () => Reflect.deleteProperty(redirect, BYTES_HEADER)],
])('the coordinator itself is asked if the other server %s', async (_, arrange) => {
  arrange();
  expect((await read()).equals(CONTENT)).toBe(true);
  expect(asked).toEqual([true, false]);
});

it.each<[string, () => void]>([
  ['never answers', () => (serve = () => undefined)],
  [
    'stops in the middle',
    () =>
      (serve = (_request, response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(half);
      }),
  ],
])('the coordinator itself is asked if the other server %s', async (_, arrange) => {
  arrange();
  client.close();
  client = clientThatWaits(1_000);
  expect((await read()).equals(CONTENT)).toBe(true);
  // The coordinator may be slow as well.
  expect(asked[0]).toBe(true);
  expect(new Set(asked.slice(1))).toEqual(new Set([false]));
});

it('the coordinator itself is asked if the certificate of the other server is unknown', async () => {
  const { key, cert } = createCoordinatorCertificate();
  const secure = createSecureServer({ key, cert }, (_request, response) => response.end(CONTENT));
  redirect['location'] = `https://127.0.0.1:${await listening(secure)}/cache/42`;
  expect((await read()).equals(CONTENT)).toBe(true);
  expect(asked).toEqual([true, false]);
  secure.closeAllConnections();
  await new Promise((done) => secure.close(done));
});

it('after three failures in a row, no address is asked for any more, which is one line without the address', async () => {
  const fails = (_request: IncomingMessage, response: ServerResponse): void =>
    void response.writeHead(403).end();
  const works = serve;
  for (const each of [fails, fails, works, fails, fails, fails, fails]) {
    serve = each;
    expect((await read()).equals(CONTENT)).toBe(true);
  }
  expect(asked.filter((isDirect) => isDirect)).toHaveLength(6);
  expect(asked.slice(-2)).toEqual([false, false]);
  expect(notes).toEqual([
    expect.stringMatching(
      /^dte: artifacts cannot be read from 127\.0\.0\.1:\d+ directly \(status 403\); from now on/,
    ),
  ]);
  expect(notes.join()).not.toContain(CREDENTIAL);
});

it('a coordinator that serves the bytes itself is read as ever', async () => {
  server.handler = (_request, response) => void sendArtifact(response, CONTENT);
  expect((await read()).equals(CONTENT)).toBe(true);
  expect(atBucket).toEqual([]);
});

describe('behind a proxy, which alone knows the other server', () => {
  const before = process.env['http_proxy'];
  let proxy: ForwardProxy;
  beforeEach(async () => {
    const { port } = new URL(bucketUrl);
    proxy = await ForwardProxy.start({ 'bucket.test': Number(port) });
    process.env['http_proxy'] = proxy.url;
    redirect['location'] = bucketUrl.replace('127.0.0.1', 'bucket.test');
  });
  afterEach(async () => {
    if (before === undefined) delete process.env['http_proxy'];
    else process.env['http_proxy'] = before;
    await proxy.close();
  });

  it('an artifact is read there, and the proxy sees no address', async () => {
    expect((await read()).equals(CONTENT)).toBe(true);
    expect(asked).toEqual([true]);
    expect(atBucket[0]?.host).toBe(new URL(redirect['location'] ?? '').host);
    expect(proxy.requests).toEqual([`CONNECT ${new URL(redirect['location'] ?? '').host}`]);
  });

  it('the coordinator itself is asked if the proxy refuses', async () => {
    proxy.refusal = 407;
    expect((await read()).equals(CONTENT)).toBe(true);
    expect(asked).toEqual([true, false]);
  });
});
