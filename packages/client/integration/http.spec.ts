import { once } from 'node:events';
import { type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { HTTP, LIMITS } from '@org/dte-protocol';
import { type HttpClient, httpClient } from '../src';
import { type HttpClientOptions } from '../src/http/sender';
import { FakeCoordinator, runOfTasks, sendArtifact, testLimits } from '@org/dte-testing';

let server: FakeCoordinator;
const clients: HttpClient[] = [];

beforeEach(async () => {
  server = await FakeCoordinator.start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

function client(change: Partial<HttpClientOptions> = {}): HttpClient {
  const made = httpClient({ url: server.url, token: () => 'secret-token', limits: testLimits(), ...change });
  clients.push(made);
  return made;
}

it('asks for many hashes in several requests and joins the answers', async () => {
  const size = LIMITS.hashesPerQuestion.value;
  server.handler = (request, response) => {
    void text(request).then((body) => {
      const { hashes } = JSON.parse(body) as { hashes: string[] };
      response.end(JSON.stringify({ held: hashes.filter((hash) => hash.endsWith('7')) }));
    });
  };
  const hashes = Array.from({ length: size + 10 }, (_, i) => `h${i}`);
  const held = await client().askHeld(hashes);
  expect(held.size).toBe(hashes.filter((hash) => hash.endsWith('7')).length);
  expect(server.requests).toEqual(['POST /v1/cache-question', 'POST /v1/cache-question']);
});

it('sends the token, and uses one socket for sequential requests', async () => {
  const ports = new Set<number | undefined>();
  const tokens = new Set<string | undefined>();
  server.handler = (request, response) => {
    ports.add(request.socket.remotePort);
    tokens.add(request.headers.authorization);
    response.end('{}');
  };
  const one = client();
  for (let i = 0; i < 3; i++) await one.complete();
  expect([...tokens]).toEqual(['Bearer secret-token']);
  expect(ports.size).toBe(1);
});

it('closes an idle socket', async () => {
  const closed: Promise<unknown>[] = [];
  server.handler = (request, response) => {
    closed.push(once(request.socket, 'close'));
    response.end('{}');
  };
  await client({ limits: testLimits({ httpIdleMs: 20 }) }).complete();
  expect(closed).toHaveLength(1);
  await closed[0];
});

it('waits longer for an answer than it keeps an idle socket open', async () => {
  const answers: ServerResponse[] = [];
  let asked: () => void = () => undefined;
  const twoAsked = new Promise<void>((resolve) => (asked = resolve));
  server.handler = (_, response) => {
    answers.push(response);
    if (answers.length === 2) asked();
  };
  const one = client({ limits: testLimits({ httpIdleMs: 20 }) });
  const slow = one.complete();
  // The socket of this one is idle, and closed, while the other request is still in progress.
  const quick = one.complete();
  await twoAsked;
  const idle = once(answers[1]!.socket!, 'close');
  answers[1]!.end('{}');
  await Promise.race([quick, slow]);
  await idle;
  answers[0]!.end('{}');
  await Promise.all([slow, quick]);
  expect(answers).toHaveLength(2);
});

it('returns a run as it was submitted', async () => {
  const spec = runOfTasks(['a:build']);
  server.runs.set('run-1', spec);
  expect(await client().getRun('run-1')).toEqual(spec);
});

it.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
])('unpacks a run that comes as %s', async (encoding, pack) => {
  const spec = runOfTasks(['a:build']);
  server.handler = (request, response) => {
    expect(request.headers['accept-encoding']).toBe('br, gzip');
    response.setHeader('content-encoding', encoding).end(pack(JSON.stringify(spec)));
  };
  expect(await client().getRun('run-1')).toEqual(spec);
  expect(JSON.parse(await text(await client().getRunStream('run-1')))).toEqual(spec);
});

it('asks for a run without hashes only if told so', async () => {
  const asked: (string | undefined)[] = [];
  server.handler = (request, response) => {
    asked.push(request.url);
    response.end(JSON.stringify(runOfTasks(['a:build'])));
  };
  await text(await client().getRunStream('run-1'));
  await text(await client().getRunStream('run-1', { withoutHashes: true }));
  expect(asked).toEqual(['/v1/runs/run-1', '/v1/runs/run-1?hashes=none']);
});

it.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
])('rejects a run that comes as %s and was cut off', async (encoding, pack) => {
  const packed = pack(JSON.stringify(runOfTasks(['a:build'])));
  server.handler = (_, response) => {
    response.setHeader('content-encoding', encoding).end(packed.subarray(0, packed.length - 20));
  };
  await expect(text(await client().getRunStream('run-1'))).rejects.toThrow();
});

it('stores terminal output, treats existing output as stored, and reads it back', async () => {
  server.handler = (request, response) => {
    void buffer(request).then((body) => {
      const path = request.url ?? '';
      if (request.method === 'GET') return sendArtifact(response, server.stored.get(path)!);
      if (server.stored.has(path))
        return response.writeHead(409, { 'x-dte-error': 'DTE_ARTIFACT_EXISTS' }).end();
      server.stored.set(path, body);
      return response.end();
    });
  };
  const printed = 'größer\n'.repeat(50_000);
  for (let i = 0; i < 2; i++) await client().putTerminal('42', printed);
  expect(await client().getTerminal('42')).toBe(printed);
  expect(server.stored.get('/v1/cache/42/terminal')!.length).toBeLessThan(10_000);
});

it('asks for sizes', async () => {
  server.handler = (request, response) => {
    void text(request).then((body) => {
      expect(JSON.parse(body)).toEqual({ hashes: ['1', '2'], sizes: true });
      response.end(JSON.stringify({ held: ['2'], bytes: [77] }));
    });
  };
  expect(await client().askSizes(['1', '2'])).toEqual(new Map([['2', 77]]));
});

it('uploads and downloads an archive as streams', async () => {
  const big = Buffer.alloc(3_000_000, 'x');
  server.handler = (request, response) => {
    if (request.method === 'GET') sendArtifact(response, server.stored.get(request.url ?? '')!);
    else void buffer(request).then((body) => response.end(void server.stored.set(request.url ?? '', body)));
  };
  expect(
    await client().putAttempt({ runId: 'r', taskId: 'app:build:a/b', attempt: 2 }, Readable.from([big])),
  ).toBe('stored');
  expect([...server.stored.keys()]).toEqual(['/v1/runs/r/attempts/app%3Abuild%3Aa%2Fb/2']);
  expect((await buffer(await client().getAttempt('r', 'app:build:a/b', 2))).equals(big)).toBe(true);
});

it.each([
  [507, 'DTE_DISK_FULL', 'no space in /data\nmore', 'DTE_DISK_FULL', 'no space in /data'],
  [413, undefined, '', 'DTE_ARTIFACT_TOO_LARGE', 'returned status 413'],
  [401, 'DTE_UNAUTHORIZED', 'expired', 'DTE_UNAUTHORIZED', 'expired'],
  [404, 'DTE_UNKNOWN_RUN', 'no run', 'DTE_UNKNOWN_RUN', 'no run'],
  [502, undefined, '<html>', 'DTE_NO_COORDINATOR', '<html>'],
  [500, 'NOT_A_CODE', 'oops', 'DTE_INTERNAL', 'oops'],
])('turns the answer %s with code %s into a separate error', async (status, header, body, code, message) => {
  server.handler = (_request, response) =>
    response.writeHead(status, header === undefined ? {} : { 'x-dte-error': header }).end(body);
  await expect(client().getRun('r')).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message) as string,
  });
});

it('reports a rejection that arrives before the whole body was sent', async () => {
  server.handler = (_request, response) =>
    response.writeHead(507, { 'x-dte-error': 'DTE_DISK_FULL' }).end('full');
  let sent = 0;
  const endless = new Readable({
    read() {
      sent++;
      if (sent < 10_000) this.push(Buffer.alloc(64 * 1024));
      else this.push(null);
    },
  });
  await expect(client().putAttempt({ runId: 'r', taskId: 't', attempt: 1 }, endless)).rejects.toMatchObject({
    code: 'DTE_DISK_FULL',
  });
  expect(sent).toBeLessThan(10_000);
});

it('reports the error of a body that fails', async () => {
  server.handler = (request) => void request.resume();
  const broken = new Readable({ read: () => undefined });
  const putting = client().putAttempt({ runId: 'r', taskId: 't', attempt: 1 }, broken);
  broken.push('something');
  broken.destroy(new Error('the file is gone'));
  await expect(putting).rejects.toThrow('the file is gone');
});

it('treats an existing artifact as stored', async () => {
  server.handler = (request, response) =>
    void buffer(request).then(() =>
      response.writeHead(409, { 'x-dte-error': 'DTE_ARTIFACT_EXISTS' }).end('kept'),
    );
  expect(await client().putAttempt({ runId: 'r', taskId: 't', attempt: 1 }, Readable.from(['x']))).toBe(
    'exists',
  );
});

it('times out when no bytes are transferred', async () => {
  server.handler = () => undefined;
  const one = client({ limits: testLimits({ httpRequestMs: 60 }) });
  await expect(one.status()).rejects.toMatchObject({ code: 'DTE_TIMEOUT' });
});

it('waits longer for the answer to an upload, whose last bytes may still be in transit', async () => {
  // Long enough for a slow machine to send the body.
  const httpRequestMs = 500;
  server.handler = (request, response) => {
    if (request.url === HTTP.health) response.end('{"ok":true}');
    else void buffer(request).then(() => void setTimeout(() => response.end(), 3 * httpRequestMs));
  };
  const one = client({ limits: testLimits({ httpRequestMs }) });
  expect(
    await one.putAttempt({ runId: 'r', taskId: 't', attempt: 1 }, () => Readable.from(['the body'])),
  ).toBe('stored');
});

it('does not wait for the answer to an upload when the coordinator does not answer on another connection either', async () => {
  const asked: string[] = [];
  server.handler = (request) => void asked.push(request.url ?? '');
  const one = client({ limits: testLimits({ httpRequestMs: 100 }) });
  await expect(
    one.putAttempt({ runId: 'r', taskId: 't', attempt: 1 }, () => Readable.from(['the body'])),
  ).rejects.toMatchObject({ code: 'DTE_TIMEOUT' });
  expect(asked).toContain(HTTP.health);
});

it('retries while the coordinator is unreachable, and sends the body again', async () => {
  let tries = 0;
  server.handler = (request, response) => {
    tries++;
    if (tries <= 2) request.socket.destroy();
    else if (tries === 3) response.writeHead(503).end('starting');
    else void text(request).then((body) => response.end(void server.stored.set('body', Buffer.from(body))));
  };
  await client({ retryForMs: 5_000 }).putAttempt({ runId: 'r', taskId: 't', attempt: 1 }, () =>
    Readable.from(['the body']),
  );
  expect(server.stored.get('body')?.toString()).toBe('the body');
});

it('retries once when an idle socket turns out to be closed', async () => {
  let tries = 0;
  server.handler = (request) => {
    tries++;
    request.socket.destroy();
  };
  await expect(client().complete()).rejects.toMatchObject({ code: 'DTE_NO_COORDINATOR' });
  expect(tries).toBe(2);
});

it('rejects an invalid answer', async () => {
  server.handler = (_request, response) => response.end('{"held":"everything"}');
  await expect(client().askHeld(['a'])).rejects.toMatchObject({ code: 'DTE_MALFORMED_MESSAGE' });
});

describe('results of other pipelines', () => {
  const ORIGIN = { scope: 'own', pipelineId: '7', jobId: null, commit: 'c', agent: 'a', atMs: 1 };
  /** What the coordinator has: `1` is of this session, `2` of another pipeline. */
  const answerWith = (origins: object): void => {
    server.handler = (request, response) => {
      void text(request).then((body) => {
        if (request.method === 'GET') response.writeHead(404).end();
        else if (body.includes('"origins":true'))
          response.end(JSON.stringify({ held: ['1', '2'], ...origins }));
        else response.end(JSON.stringify({ held: ['1', '2'] }));
      });
    };
  };

  it('are told apart from what the session has made', async () => {
    answerWith({ origins: [null, ORIGIN] });
    expect([...(await client().askHeld(['1', '2', '3']))]).toEqual([
      ['1', null],
      ['2', ORIGIN],
    ]);
  });

  it('are not downloaded where only what the session has made is good enough', async () => {
    answerWith({ origins: [null, ORIGIN] });
    for (const hash of ['2', '3'])
      await expect(client().getCached(hash, { ownOnly: true })).rejects.toMatchObject({
        code: 'DTE_UNKNOWN_HASH',
      });
    expect(server.requests.filter((line) => line.startsWith('GET'))).toEqual([]);
    await expect(client().getCached('1', { ownOnly: true })).rejects.toMatchObject({
      code: 'DTE_UNKNOWN_HASH',
    });
    expect(server.requests.filter((line) => line.startsWith('GET'))).toEqual(['GET /v1/cache/1']);
  });

  it('never count as made by the session because an answer is incomplete', async () => {
    answerWith({ origins: [null] });
    await expect(client().askHeld(['1', '2'])).rejects.toMatchObject({ code: 'DTE_MALFORMED_MESSAGE' });
  });

  it('do not exist at a coordinator of an earlier version, which does not know the question', async () => {
    server.handler = (request, response) => {
      void text(request).then((body) => {
        if (!body.includes('origins')) response.end('{"held":["1"]}');
        else
          response
            .writeHead(400, { 'x-dte-error': 'DTE_MALFORMED_MESSAGE' })
            .end('Unrecognized key: "origins"');
      });
    };
    expect([...(await client().askHeld(['1', '2']))]).toEqual([['1', null]]);
  });
});
