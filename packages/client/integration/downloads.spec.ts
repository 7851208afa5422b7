import { readdirSync, readlinkSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { DIGEST_HEADER, HTTP, LIMITS, digestHeaderOf } from '@org/dte-protocol';
import { type HttpClient, httpClient } from '../src';
import { FakeCoordinator, sendArtifact, testLimits } from '@org/dte-testing';

const SMALL = gzipSync('an artifact');
/** Too large for a reader's memory. */
const LARGE = Buffer.alloc(3_000_000, 'artifact ');
const PATH = HTTP.cache('42');

let server: FakeCoordinator;
let client: HttpClient;
/** The coordinator's finding after it has read the artifact again. */
let state: 'good' | 'removed' | 'absent' | null;
let checks: string[];
let gets: number;

beforeEach(async () => {
  [state, checks, gets] = ['removed', [], 0];
  server = await FakeCoordinator.start();
  client = httpClient({ url: server.url, token: () => 'token', limits: testLimits() });
});
afterEach(async () => {
  client.close();
  await server.close();
  expect(openTempFiles()).toEqual([]);
  expect(readdirSync(tmpdir()).filter((name) => /^dte-[0-9a-f]{24}$/.test(name))).toEqual([]);
});

/** Files without a name that this process has open; empty if the system does not show them. */
function openTempFiles(): string[] {
  let descriptors: string[];
  try {
    descriptors = readdirSync('/proc/self/fd');
  } catch {
    return [];
  }
  return descriptors.flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return /dte-[0-9a-f]{24}/.test(target) ? [target] : [];
    } catch {
      return [];
    }
  });
}

function serve(get: (response: ServerResponse, nth: number, request: IncomingMessage) => void): void {
  server.handler = (request, response) => {
    if (request.method === 'GET') {
      gets += 1;
      get(response, gets, request);
      return;
    }
    checks.push(request.url ?? '');
    if (state === null) response.writeHead(500).end('the disk is on fire');
    else response.end(JSON.stringify({ state }));
  };
}

const flipped = (content: Buffer, at: number): Buffer => {
  const changed = Buffer.from(content);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
};

const damages: [string, (content: Buffer) => Buffer][] = [
  ['another first byte', (content) => flipped(content, 0)],
  ['one other bit in its middle', (content) => flipped(content, content.length >> 1)],
  ['another last byte', (content) => flipped(content, content.length - 1)],
  ['no end', (content) => content.subarray(0, content.length - 1)],
  ['something behind it', (content) => Buffer.concat([content, Buffer.from('x')])],
  ['nothing at all', () => Buffer.alloc(0)],
  ['the content of another', () => gzipSync('of another')],
];

const downloads: [string, () => Promise<Buffer | string>, string][] = [
  ['an artifact of the cache', async () => buffer(await client.getCached('42')), PATH],
  ['what a task printed', async () => client.getTerminal('42'), HTTP.terminal('42')],
  [
    'the archive of an attempt',
    async () => buffer(await client.getAttempt('r', 'a:b', 1)),
    HTTP.attempt('r', 'a:b', 1),
  ],
];

describe.each(downloads)('%s', (_, download, path) => {
  it('is returned when its sha256 is that of the stored data', async () => {
    serve((response) => sendArtifact(response, SMALL));
    const got = await download();
    expect(typeof got === 'string' ? got : got.equals(SMALL)).toBe(
      typeof got === 'string' ? 'an artifact' : true,
    );
    expect(checks).toEqual([]);
  });

  it.each(damages)(
    'that arrives with %s is not returned, and is reported to the coordinator',
    async (_how, damage) => {
      serve((response) => sendArtifact(response, damage(SMALL), SMALL));
      await expect(download()).rejects.toMatchObject({
        code: 'DTE_ARTIFACT_DAMAGED',
        message: expect.stringContaining('the coordinator has removed it') as string,
      });
      expect([gets, checks]).toEqual([1, [HTTP.check(path)]]);
    },
  );
});

it.each(damages)('does not return a large artifact with %s', async (_, damage) => {
  serve((response) => sendArtifact(response, damage(LARGE), LARGE));
  await expect(client.getCached('42')).rejects.toMatchObject({ code: 'DTE_ARTIFACT_DAMAGED' });
});

it('returns a complete large artifact with its size, and leaves nothing behind if it is not read', async () => {
  serve((response) => sendArtifact(response, LARGE));
  const got = await client.getCached('42');
  expect(got.bytes).toBe(LARGE.length);
  expect((await buffer(got)).equals(LARGE)).toBe(true);
  const unread = await client.getCached('42');
  await new Promise((closed) => unread.once('close', closed).destroy());
});

it('does not return an artifact without a sha256, or with part of one', async () => {
  serve((response, nth) =>
    (nth === 1 ? response : response.setHeader(DIGEST_HEADER, 'sha-256=:abc=:')).end(SMALL),
  );
  for (let i = 0; i < 2; i++)
    await expect(client.getCached('42')).rejects.toMatchObject({ code: 'DTE_ARTIFACT_DAMAGED' });
});

it('retries a download that was damaged only on its way, a few times', async () => {
  state = 'good';
  serve((response, nth) => sendArtifact(response, nth < 3 ? flipped(SMALL, 3) : SMALL, SMALL));
  expect((await buffer(await client.getCached('42'))).equals(SMALL)).toBe(true);
  expect([gets, checks.length]).toEqual([3, 2]);
});

it('fails when each download is damaged on its way', async () => {
  state = 'good';
  serve((response) => sendArtifact(response, flipped(SMALL, 3), SMALL));
  await expect(client.getCached('42')).rejects.toMatchObject({
    code: 'DTE_ARTIFACT_DAMAGED',
    message: expect.stringContaining("the coordinator's own copy is intact") as string,
  });
  expect(gets).toBe(3);
});

it('returns no artifact when the damage cannot be reported to the coordinator', async () => {
  state = null;
  serve((response) => sendArtifact(response, flipped(SMALL, 3), SMALL));
  await expect(client.getCached('42')).rejects.toMatchObject({ code: 'DTE_ARTIFACT_DAMAGED' });
});

it.each([
  ['small', SMALL],
  ['large', LARGE],
])('retries a %s artifact that is cut off', async (_, content) => {
  serve((response, nth) => {
    if (nth === 2) return sendArtifact(response, content);
    response.setHeader(DIGEST_HEADER, digestHeaderOf('A'.repeat(43) + '='));
    response.setHeader('content-length', content.length);
    response.write(content.subarray(0, content.length - 5), () => response.destroy());
    return response;
  });
  expect((await buffer(await client.getCached('42'))).equals(content)).toBe(true);
  expect(checks).toEqual([]);
});

it('does not read an artifact beyond the limit', async () => {
  const limited = httpClient({
    url: server.url,
    token: () => 'token',
    limits: testLimits({ artifactBytes: 2_000_000 }),
  });
  serve((response) => sendArtifact(response, LARGE));
  await expect(limited.getCached('42')).rejects.toMatchObject({ code: 'DTE_ARTIFACT_TOO_LARGE' });
  limited.close();
});

it('reads the beginning of an archive only if the coordinator finds the archive intact', async () => {
  serve((response) => sendArtifact(response, SMALL));
  await expect(client.getAttemptBeginning('r', 'a:b', 1)).rejects.toMatchObject({
    code: 'DTE_ARTIFACT_DAMAGED',
  });
  expect(gets).toBe(0);
  state = 'good';
  expect((await buffer(await client.getAttemptBeginning('r', 'a:b', 1))).equals(SMALL)).toBe(true);
});

it('does not treat an upload as stored if the stored data differs', async () => {
  server.handler = (request, response) => {
    void buffer(request).then((body) =>
      response.setHeader(DIGEST_HEADER, digestHeaderOf(`${'A'.repeat(43)}=`)).end(body.subarray(0, 0)),
    );
  };
  await expect(
    client.putAttempt({ runId: 'r', taskId: 'a:b', attempt: 1 }, () => Readable.from([SMALL])),
  ).rejects.toMatchObject({
    code: 'DTE_ARTIFACT_DAMAGED',
  });
});

it('asks again for a check that takes longer than the timeout of a request, and uses the answer', async () => {
  const limits = { ...testLimits(), httpRequestMs: 500 };
  client.close();
  client = httpClient({ url: server.url, token: () => 'token', limits });
  state = 'good';
  server.handler = (request, response) => {
    if (request.method === 'GET') {
      gets += 1;
      sendArtifact(response, gets === 1 ? flipped(SMALL, 0) : SMALL, SMALL);
      return;
    }
    checks.push(request.url ?? '');
    // The client gives up the first, the coordinator cuts off the second.
    if (checks.length === 2) request.socket.destroy();
    if (checks.length > 2) response.end(JSON.stringify({ state }));
  };
  expect((await buffer(await client.getCached('42'))).equals(SMALL)).toBe(true);
  expect(checks.length).toBeGreaterThan(2);
});

it('asks for a check a limited number of times', async () => {
  const limits = { ...testLimits(), httpRequestMs: 200 };
  client.close();
  client = httpClient({ url: server.url, token: () => 'token', limits });
  server.handler = (request, response) => {
    if (request.method === 'GET') sendArtifact(response, flipped(SMALL, 0), SMALL);
    else checks.push(request.url ?? '');
  };
  await expect(client.getCached('42')).rejects.toMatchObject({ code: 'DTE_ARTIFACT_DAMAGED' });
  expect(checks.length).toBeLessThanOrEqual(LIMITS.artifactCheckTries.value);
});

it('asks a coordinator that is away no longer than any other request does', async () => {
  serve((response) => void response.socket?.destroy());
  await expect(client.getCached('42')).rejects.toMatchObject({ code: 'DTE_NO_COORDINATOR' });
  // The second one because a kept socket may have been closed.
  expect(gets).toBe(2);
});
