import { createHash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { DIGEST_HEADER, sha256OfHeader } from '@org/dte-protocol';
import { FakeCoordinator, sendArtifact, plainOutputs, tempFolders, testLimits } from '@org/dte-testing';
import { type HttpClient, httpClient, nxReader, nxWriter } from '../src';

const folder = tempFolders();
const PRINTED = 'żółw\n';

let server: FakeCoordinator;
let client: HttpClient;
let answer: (request: IncomingMessage, body: Buffer, response: ServerResponse) => void;
let uploads: { headers: IncomingMessage['headers']; body: Buffer }[];

beforeEach(async () => {
  uploads = [];
  answer = (_request, _body, response) => response.end();
  server = await FakeCoordinator.start();
  server.handler = (request, response) => {
    void buffer(request).then((body) => {
      if (request.method === 'PUT') uploads.push({ headers: request.headers, body });
      answer(request, body, response);
    });
  };
  client = httpClient({ url: server.url, token: () => 'token', limits: testLimits() });
});
afterEach(async () => {
  client.close();
  await server.close();
  expect(readdirSync(tmpdir()).filter((name) => /^dte-[0-9a-f]{24}$/.test(name))).toEqual([]);
});

/** An entry whose content does not shrink, and is too large for the memory of a sender. */
function entry(): { hash: string; folder: string; terminalOutput: string; code: number } {
  const at = join(folder(), '42');
  mkdirSync(join(at, 'dist/sub'), { recursive: true });
  const noise = createHash('shake256', { outputLength: 3_000_000 }).update('noise').digest();
  writeFileSync(join(at, 'dist/sub/noise'), noise);
  writeFileSync(join(at, 'dist/run'), 'x', { mode: 0o755 });
  return { hash: '42', folder: at, terminalOutput: PRINTED, code: 0 };
}
const store = (limits = testLimits()): Promise<boolean> => nxWriter({ http: client, limits }).store(entry());

it('an entry is uploaded with its size and digest, and read again as it was', async () => {
  expect(await store()).toBe(true);
  const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = uploads;
  expect(uploads).toHaveLength(1);
  expect(headers['content-length']).toBe(String(body.length));
  const digest = headers[DIGEST_HEADER];
  expect(sha256OfHeader(String(digest))).toBe(createHash('sha256').update(body).digest('base64'));
  answer = (_request, _body, response) => void sendArtifact(response, body);
  const cacheDirectory = folder();
  const reader = nxReader({ http: client, outputs: plainOutputs(cacheDirectory), limits: testLimits() });
  const read = { hash: '42', taskId: 'app:build', outputs: ['dist'], cacheDirectory, ownOnly: false };
  expect(await reader.retrieve(read)).toMatchObject({ code: 0, terminalOutput: PRINTED });
  expect(readdirSync(join(cacheDirectory, '42/dist')).sort()).toEqual(['run', 'sub']);
});

it('a small entry is read before anybody may change it, and sent as it was', async () => {
  const small = entry();
  rmSync(join(small.folder, 'dist/sub'), { recursive: true });
  const onPacked = (): Promise<void> => {
    rmSync(join(small.folder, 'dist'), { recursive: true });
    return Promise.resolve();
  };
  expect(await nxWriter({ http: client, limits: testLimits(), onPacked }).store(small)).toBe(true);
  answer = (_request, _body, response) => void sendArtifact(response, uploads[0]?.body ?? Buffer.alloc(0));
  const cacheDirectory = folder();
  const reader = nxReader({ http: client, outputs: plainOutputs(cacheDirectory), limits: testLimits() });
  const read = { hash: '42', taskId: 'app:build', outputs: ['dist'], cacheDirectory, ownOnly: false };
  expect(await reader.retrieve(read)).toMatchObject({ code: 0, terminalOutput: PRINTED });
  expect(readFileSync(join(cacheDirectory, '42/dist/run'), 'utf8')).toBe('x');
});

const refusal = (status: number, code: string) => (): void => {
  answer = (_request, _body, response) => response.writeHead(status, { 'x-dte-error': code }).end('no');
};
it.each([
  ['exists already', refusal(409, 'DTE_ARTIFACT_EXISTS')],
  ['may not be stored by this agent', refusal(403, 'DTE_NOT_HELD')],
])('an entry that %s is declined', async (_, arrange) => {
  arrange();
  expect(await store()).toBe(false);
});

it.each([
  ['is full', refusal(507, 'DTE_DISK_FULL')],
  ['finds damage', refusal(400, 'DTE_ARTIFACT_DAMAGED')],
  [
    'is cut off',
    () => {
      answer = (request) => request.socket.destroy();
    },
  ],
])('an upload fails if the coordinator %s, and leaves nothing behind', async (_, arrange) => {
  arrange();
  await expect(store()).rejects.toMatchObject({ code: expect.stringMatching(/^DTE_/) as unknown });
});

it('an entry that no reader would take is not sent', async () => {
  expect(await store(testLimits({ terminalOutputBytes: 3 }))).toBe(false);
  await expect(store(testLimits({ artifactBytes: 1_000_000 }))).rejects.toMatchObject({
    code: 'DTE_ARTIFACT_TOO_LARGE',
  });
  expect(uploads).toEqual([]);
});
