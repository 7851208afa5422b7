import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { selfSignedCertificate, TcpProxy, waitFor } from '@org/dte-testing';
import type { EntryName } from '../src';
import { PARALLEL_PARTS, PART_BYTES } from '../src/s3/limits';
import { AREA, BUCKET, CREDENTIALS, entryOf, never, opener, S3Bench, textOf } from './s3-bench';

const bench = new S3Bench('obeys');
beforeAll(() => bench.start());
afterEach(() => bench.closeCaches());
afterAll(() => bench.close());

const ONE: EntryName[] = [{ kind: 'cache', hash: '1' }];
const MANY: EntryName[] = Array.from({ length: 100 }, (_, n) => ({ kind: 'cache', hash: String(n) }));
const LARGE = Buffer.alloc(9_000_000, 'large ');
/** One attempt, and little patience with silence: for requests that are to fail. */
const IMPATIENT = { connectMs: 60_000, idleMs: 200, attempts: 1 };

describe('what a bucket complains about', () => {
  const messageOf = async (work: Promise<unknown>): Promise<string> =>
    await work.then(
      () => 'no error',
      (thrown: unknown) => (thrown as Error).message,
    );

  it('names the bucket, the server, the status and the option for wrong credentials', async () => {
    const credentials = { ...CREDENTIALS, secretAccessKey: 'wrong' };
    const cache = bench.open({ credentials });
    const where = `s3://${BUCKET} at ${bench.url}`;
    expect(await messageOf(cache.find(AREA, MANY, never()))).toBe(
      `listing ${where} failed (status 403, SignatureDoesNotMatch): the secret key is another (DTE_S3_SECRET_ACCESS_KEY): of the test server`,
    );
    expect(await messageOf(cache.find(AREA, ONE, never()))).toMatch(
      `looking into ${where} failed (status 403`,
    );
    expect(await messageOf(cache.write(AREA, entryOf('1', 'one'), opener('one'), never()))).toMatch(
      'status 403',
    );
  });

  it('names an access key that is unknown', async () => {
    const cache = bench.open({ credentials: { accessKeyId: 'nobody', secretAccessKey: 'x' } });
    expect(await messageOf(cache.find(AREA, MANY, never()))).toMatch(
      '(status 403, InvalidAccessKeyId): the access key is unknown there (DTE_S3_ACCESS_KEY_ID)',
    );
  });

  it.each([
    ['a question of few names', ONE],
    ['a question of many', MANY],
  ])('does not take a bucket that is missing for misses: %s', async (_, names) => {
    const cache = bench.open({ bucket: 'no-such-bucket' });
    expect(await messageOf(cache.find(AREA, names, never()))).toMatch('listing s3://no-such-bucket at');
    expect(await messageOf(cache.find(AREA, names, never()))).toMatch(
      'failed (status 404, NoSuchBucket): there is no such bucket (option s3Bucket, DTE_S3_BUCKET)',
    );
  });

  it('says that there is no server', async () => {
    const proxy = await TcpProxy.open(() => bench.port);
    const endpoint = proxy.url;
    await proxy.close();
    const message = await messageOf(bench.open({ endpoint }).find(AREA, ONE, never()));
    expect(message).toMatch(`at ${endpoint} failed`);
    expect(message).toMatch('ECONNREFUSED');
  });
});

describe('a server that stalls', () => {
  let proxy: TcpProxy;
  beforeEach(async () => (proxy = await TcpProxy.open(() => bench.port)));
  afterEach(() => proxy.close());
  /** Until the proxy is closed. */
  const stall = (): void => proxy.stall(1_000_000);

  it('ends a question after a while without a sign of life', async () => {
    const cache = bench.open({ endpoint: proxy.url, patience: IMPATIENT });
    stall();
    await expect(cache.find(AREA, ONE, never())).rejects.toThrow(/TimeoutError.*200 ms of inactivity/);
  });

  it.each([
    ['few names', ONE],
    ['many', MANY],
  ])('lets go of a caller that stops waiting: %s', async (_, names) => {
    const cache = bench.open({ endpoint: proxy.url });
    stall();
    const waiting = new AbortController();
    const found = cache.find(AREA, names, waiting.signal);
    waiting.abort(new Error('over budget'));
    await expect(found).rejects.toThrow();
  });

  it('ends a body in which nothing comes any more', async () => {
    const entry = entryOf('stalls', LARGE);
    await bench.open().write(AREA, entry, opener(LARGE), never());
    const cache = bench.open({ endpoint: proxy.url, patience: { ...IMPATIENT, idleMs: 2_000 } });
    const body = await cache.read(AREA, entry, never());
    await once(body!, 'readable');
    stall();
    await expect(textOf(body)).rejects.toThrow('2000 ms of inactivity');
  });

  it('ends a body of which the caller has had enough', async () => {
    const entry = entryOf('long', LARGE);
    await bench.open().write(AREA, entry, opener(LARGE), never());
    const cache = bench.open({ endpoint: proxy.url });
    const waiting = new AbortController();
    const body = await cache.read(AREA, entry, waiting.signal);
    stall();
    waiting.abort();
    await expect(textOf(body)).rejects.toThrow('aborted');
  });

  it('reads no more of a source than the parts that are under way', async () => {
    let taken = 0;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const source = (): Readable =>
      Readable.from(
        (function* () {
          for (; taken < 100_000_000; taken += chunk.length) yield chunk;
        })(),
      );
    const entry = { ...entryOf('huge', ''), bytes: 100_000_000 };
    // The upload begins, and its first parts get no answer.
    const cache = bench.open({ endpoint: proxy.url, patience: { ...IMPATIENT, idleMs: 2_000 } });
    const open = (): Readable => {
      stall();
      return source();
    };
    await expect(cache.write(AREA, entry, open, never())).rejects.toThrow('inactivity');
    expect(taken).toBeLessThan((PARALLEL_PARTS + 1) * PART_BYTES + 20 * chunk.length);
  });
});

describe('an upload that ends early', () => {
  /** Some bytes, and then none for ever. */
  function endless(bytes: number): Readable {
    return Readable.from(
      (async function* () {
        for (let taken = 0; taken < bytes; taken += LARGE.length) yield LARGE;
        await new Promise(() => undefined);
      })(),
    );
  }
  const folder = join(bench.folder, BUCKET, '._S3rver_uploads');
  const uploads = (): string[] => (existsSync(folder) ? readdirSync(folder) : []);
  let before: readonly string[] = [];
  beforeEach(() => (before = uploads()));
  /** Uploads of this test that are neither complete nor aborted. */
  const open = (): number => uploads().filter((id) => !before.includes(id)).length;

  it('is over for the caller at once, and its parts are removed', async () => {
    const cache = bench.open();
    const stop = new AbortController();
    const entry = { ...entryOf('early', ''), bytes: 1_000_000_000 };
    const written = cache.write(AREA, entry, () => endless(18_000_000), stop.signal);
    written.catch(() => undefined);
    await waitFor('parts of the upload', () => open() === 1);
    stop.abort(new Error('the job was cancelled'));
    await expect(written).rejects.toThrow('the job was cancelled');
    await waitFor('the end of the parts', () => open() === 0);
    expect(await cache.find(AREA, [entry], never())).toEqual([]);
  });

  it('is ended by closing the cache, which waits for the parts to be removed', async () => {
    const cache = bench.open();
    const entry = { ...entryOf('closed', ''), bytes: 1_000_000_000 };
    const written = cache.write(AREA, entry, () => endless(18_000_000), never());
    written.catch(() => undefined);
    await waitFor('parts of the upload', () => open() === 1);
    await cache.close();
    await expect(written).rejects.toThrow('is closed');
    await waitFor('the end of the parts', () => open() === 0);
  });

  it('takes its turn, and gives up its place in the queue', async () => {
    const cache = bench.open();
    const stop = new AbortController();
    let opened = 0;
    const openOne = (): Readable => {
      opened += 1;
      return endless(0);
    };
    const writes = Array.from({ length: 6 }, (_, n) =>
      cache.write(AREA, { ...entryOf(`turn-${n}`, ''), bytes: 10 }, openOne, stop.signal),
    );
    const settled = Promise.allSettled(writes);
    await waitFor('the first four', () => opened === 4);
    const last = new AbortController();
    const waiting = cache.write(AREA, entryOf('turn-7', ''), openOne, last.signal);
    last.abort(new Error('no longer wanted'));
    await expect(waiting).rejects.toThrow('no longer wanted');
    stop.abort();
    await settled;
    expect(opened).toBe(4);
    expect(await cache.write(AREA, entryOf('turn-8', 'x'), opener('x'), never())).toBe('stored');
  });
});

describe('an upload that is given up when the server has all of it', () => {
  const lists: string[] = [];
  let held: (() => void)[] = [];
  /** Passes everything on; the bytes of entries only when they are let through. */
  const front = createServer((incoming, outgoing) => {
    const { method, headers, url: path = '' } = incoming;
    if (path.includes('list-type')) lists.push(path);
    const onward = request({ port: bench.port, host: '127.0.0.1', method, headers, path }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    if (method !== 'PUT' || !/\/data(\?|$)/.test(path)) incoming.pipe(onward);
    else held.push(() => incoming.pipe(onward));
  });
  beforeAll(async () => {
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
  });
  afterAll(() => {
    front.closeAllConnections();
    front.close();
  });

  it('is forgotten with its pipeline, which waits for no other pipeline', async () => {
    held = [];
    const endpoint = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
    const cache = bench.open({ endpoint, prefix: bench.emptyPrefix() });
    const { origin } = entryOf('', '');
    const other = { ...entryOf('2', 'two'), origin: { ...origin, pipelineId: '4712' } };
    const stop = new AbortController();
    const mine = cache.write(AREA, entryOf('1', 'one'), opener('one'), stop.signal);
    mine.catch(() => undefined);
    await waitFor('the upload', () => held.length === 1);
    const others = cache.write(AREA, other, opener('two'), never());
    await waitFor('the other one', () => held.length === 2);
    stop.abort(new Error('to be forgotten'));
    await expect(mine).rejects.toThrow('to be forgotten');

    lists.length = 0;
    const forgotten = cache.forget(AREA, '4711');
    // A question has its answer, so a list would have been asked for.
    expect(await cache.find(AREA, [entryOf('1', 'one')], never())).toEqual([]);
    expect(lists).toEqual([]);
    held[0]?.();
    expect(await forgotten).toBe(1);
    expect(await cache.find(AREA, [entryOf('1', 'one')], never())).toEqual([]);
    held[1]?.();
    expect(await others).toBe('stored');
  });
});

describe('a server that ends in the middle', () => {
  it('fails an upload and what follows, with its address', async () => {
    const dying = new S3Bench('obeys');
    await dying.start();
    try {
      const cache = dying.open();
      let taken = 0;
      const source = (): Readable =>
        Readable.from(
          (async function* () {
            for (; taken < 5; taken += 1) {
              if (taken === 3) {
                dying.server.signal('SIGKILL');
                await dying.server.end();
              }
              yield LARGE;
            }
          })(),
        );
      const entry = { ...entryOf('1', ''), bytes: 5 * LARGE.length };
      await expect(cache.write(AREA, entry, source, never())).rejects.toThrow(
        new RegExp(`s3://${BUCKET} at ${dying.url} failed.*(ECONNREFUSED|ECONNRESET|EPIPE|socket hang up)`),
      );
      await expect(cache.find(AREA, MANY, never())).rejects.toThrow('ECONNREFUSED');
      await expect(cache.read(AREA, entry, never())).rejects.toThrow('ECONNREFUSED');
    } finally {
      await dying.close();
    }
  });
});

describe('the way to a server', () => {
  const certificate = selfSignedCertificate();
  const front = createTlsServer(certificate ?? {}, (incoming, outgoing) => {
    const { method, headers, url: path } = incoming;
    const onward = request({ port: bench.port, host: '127.0.0.1', method, headers, path }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  beforeAll(async () => {
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
  });
  afterAll(() => {
    front.closeAllConnections();
    front.close();
  });
  const tlsPort = (): number => (front.address() as AddressInfo).port;
  const itWithOpenssl = certificate === null ? it.skip : it;

  itWithOpenssl('is trusted if the job trusts the authority of the certificate', async () => {
    const endpoint = `https://127.0.0.1:${tlsPort()}`;
    await expect(bench.open({ endpoint }).find(AREA, ONE, never())).rejects.toThrow(
      'self-signed certificate',
    );
    const cache = bench.open({ endpoint, authorities: [certificate?.cert ?? ''] });
    await cache.write(AREA, entryOf('tls', 'tls'), opener('tls'), never());
    expect(await textOf(await cache.read(AREA, entryOf('tls', 'tls'), never()))).toBe('tls');
    await cache.close();
  });

  it.each(['http', 'https'])('leads through a proxy, with %s', async (protocol) => {
    if (certificate === null && protocol === 'https') return;
    const asked: string[] = [];
    const throughProxy = async (target: URL): Promise<Socket> => {
      asked.push(target.href);
      const socket = connect(protocol === 'https' ? tlsPort() : bench.port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    // The proxy takes the name for what it likes; the certificate is for 127.0.0.1.
    const host = protocol === 'https' ? '127.0.0.1:4443' : 's3.internal.test:9000';
    const cache = bench.open({
      endpoint: `${protocol}://${host}`,
      authorities: [certificate?.cert ?? ''],
      throughProxy,
    });
    const entry = entryOf(`proxy-${protocol}`, 'x');
    expect(await cache.write(AREA, entry, opener('x'), never())).toBe('stored');
    expect(await cache.find(AREA, [entry], never())).toEqual([entry]);
    expect(new Set(asked)).toEqual(new Set([`${protocol}://${host}/`]));
    await cache.close();
  });

  it('says when the proxy does not let us through', async () => {
    const throughProxy = (): Promise<Socket> =>
      Promise.reject(new Error('407 (from the proxy http://proxy.test:3128)'));
    const cache = bench.open({ endpoint: 'http://s3.internal.test', throughProxy });
    await expect(cache.find(AREA, ONE, never())).rejects.toThrow(
      '407 (from the proxy http://proxy.test:3128)',
    );
  });
});
