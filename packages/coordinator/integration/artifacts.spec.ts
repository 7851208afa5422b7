import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { DIGEST_HEADER, digestHeaderOf, HTTP } from '@org/dte-protocol';
import {
  runSpec,
  taskSpec,
  type HttpAnswer,
  type HttpCall,
  httpCall,
  type RawClient,
  waitFor,
} from '@org/dte-testing';
import { Harness } from './support/harness';
import { storedFiles } from './support/stored-files';

describe("Nx's cache contract", () => {
  let harness: Harness;
  /** A main job: own-tasks.spec.ts covers what an agent may store. */
  let client: RawClient;
  const call = (options: HttpCall): Promise<HttpAnswer> =>
    httpCall(harness.url, { token: client.token, ...options });
  const put = (hash: string, body: HttpCall['body'], headers: Record<string, string> = {}) =>
    call({ method: 'PUT', path: HTTP.cache(hash), body, headers });

  beforeEach(async () => {
    harness = await Harness.start({ limits: { artifactBytes: 1_000_000 } });
    client = await harness.main();
  });
  afterEach(() => harness.cleanUp());

  it('returns what was stored, with its length', async () => {
    const body = Buffer.alloc(600_000, 'abc');
    expect(await put('123', body)).toMatchObject({ status: 200 });
    const answer = await call({ path: HTTP.cache('123') });
    expect(answer).toMatchObject({ status: 200, headers: { 'content-length': '600000' } });
    expect(answer.body.equals(body)).toBe(true);
  });

  it('answers 400, not 500, for a content type that is none', async () => {
    const answer = await put('123', 'abc', { 'content-type': 'appl,ication/json' });
    expect(answer).toMatchObject({ status: 400, code: 'DTE_MALFORMED_MESSAGE' });
  });

  it('accepts a chunked body without a length', async () => {
    expect(await put('123', Readable.from([Buffer.from('ab'), Buffer.from('c')]))).toMatchObject({
      status: 200,
    });
    expect((await call({ path: HTTP.cache('123') })).text).toBe('abc');
  });

  it('answers 404 in plain text for an unknown hash', async () => {
    const answer = await call({ path: HTTP.cache('456') });
    expect(answer).toMatchObject({ status: 404, code: 'DTE_UNKNOWN_HASH' });
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    expect(answer.text.split('\n')[0]).toBe('There is no artifact for hash 456.');
  });

  it('answers 409 for a known hash and keeps the first artifact, even if the second is large', async () => {
    await put('123', 'first');
    expect(await put('123', Buffer.alloc(900_000))).toMatchObject({
      status: 409,
      code: 'DTE_ARTIFACT_EXISTS',
    });
    expect((await call({ path: HTTP.cache('123') })).text).toBe('first');
  });

  it('answers 413 for an artifact above the limit, announced or not, and the sender can read the answer', async () => {
    const large = Buffer.alloc(5_000_000);
    expect(await put('123', large)).toMatchObject({ status: 413, code: 'DTE_ARTIFACT_TOO_LARGE' });
    expect(await put('123', Readable.from([large]))).toMatchObject({
      status: 413,
      code: 'DTE_ARTIFACT_TOO_LARGE',
    });
    expect(storedFiles(harness)).toEqual([]);
  });

  it('stores nothing of an upload that is cut off', async () => {
    const { port } = harness.coordinator;
    const head = `PUT /v1/cache/123 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${client.token}\r\ncontent-length: 500000\r\n\r\n`;
    const socket = connect(port, '127.0.0.1');
    socket.write(head + 'x'.repeat(300_000));
    await waitFor('the upload to begin', () => storedFiles(harness).length === 1);
    socket.destroy();
    await waitFor('the temporary file to go', () => storedFiles(harness).length === 0);
    expect(await call({ path: HTTP.cache('123') })).toMatchObject({ status: 404 });
    expect(await put('123', 'whole')).toMatchObject({ status: 200 });
  });

  it('answers a sender that stops half way and waits', async () => {
    const { port } = harness.coordinator;
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `PUT /v1/cache/123 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${client.token}\r\ncontent-length: 500000\r\n\r\nabc`,
    );
    socket.end();
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('x-dte-error: DTE_ARTIFACT_INCOMPLETE');
    await waitFor('nothing to be left', () => storedFiles(harness).length === 0);
  });

  const badPaths: [string, string, number][] = [
    ['dots, escaped', '/v1/cache/..%2f..%2fetc%2fpasswd', 400],
    ['dots, escaped twice', '/v1/cache/%252e%252e%252f', 400],
    ['dots as they are', '/v1/cache/../../etc/passwd', 404],
    ['only dots', '/v1/cache/..', 400],
    ['a hidden file', '/v1/cache/.tmp-abc', 400],
    ['a NUL', '/v1/cache/abc%00', 400],
    ['a backslash', '/v1/cache/a%5Cb', 400],
    ['a broken escape', '/v1/cache/%zz', 400],
    ['nothing', '/v1/cache/', 400],
    ['a very long hash', `/v1/cache/${'a'.repeat(10_000)}`, 400],
    ['an attempt of a run that leaves its folder', '/v1/runs/..%2f..%2fr/attempts/app%3Abuild/1', 400],
    ['an attempt that is no number', '/v1/runs/r1/attempts/app%3Abuild/-1', 400],
    ['an attempt of a task with a line break', '/v1/runs/r1/attempts/a%0Ab/1', 400],
    ['an attempt of a run that nobody knows', '/v1/runs/r9/attempts/app%3Abuild/1', 404],
  ];
  it.each(badPaths)('rejects a path with %s and stores nothing', async (_, path, status) => {
    for (const method of ['PUT', 'GET']) {
      const answer = await call({ method, path, ...(method === 'PUT' ? { body: 'x' } : {}) });
      expect(answer).toMatchObject({ status });
      expect(answer.headers['content-type']).toMatch(/^text\/plain/);
      expect(answer.code).toMatch(/^DTE_/);
    }
    expect(readdirSync(join(harness.dataDir, 'sessions'))).toEqual(['s1']);
  });

  const flipByte = (name: string): void => {
    const path = join(harness.dataDir, 'sessions', 's1', 'artifacts', name);
    const content = readFileSync(path);
    content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1;
    writeFileSync(path, content);
  };

  it.each([
    ['an artifact of the cache', HTTP.cache('123')],
    ['what a task printed', HTTP.terminal('123')],
    ['the archive of an attempt', HTTP.attempt('r1', 'app:build', 1)],
  ])(
    '%s comes with its sha256; one that is damaged is removed when it is doubted, no good one is',
    async (_, path) => {
      await harness.submit(await harness.main(), runSpec('r1', [taskSpec('app:build')]));
      const body = Buffer.alloc(300_000, 'abc');
      const sha256 = createHash('sha256').update(body).digest();
      const digest = digestHeaderOf(sha256.toString('base64'));
      expect(await call({ method: 'PUT', path, body })).toMatchObject({
        headers: { [DIGEST_HEADER]: digest },
      });
      expect(await call({ path })).toMatchObject({
        headers: { [DIGEST_HEADER]: digest, etag: `"${sha256.toString('hex')}"` },
      });
      const doubt = () => call({ method: 'POST', path: HTTP.check(path), body: '{}' });
      expect((await doubt()).text).toBe('{"state":"good"}');
      expect(await call({ path })).toMatchObject({ status: 200 });
      flipByte(storedFiles(harness)[0]!);
      expect((await doubt()).text).toBe('{"state":"removed"}');
      expect((await doubt()).text).toBe('{"state":"absent"}');
      expect(await call({ path })).toMatchObject({ status: 404 });
      expect(storedFiles(harness)).toEqual([]);
      expect(await call({ method: 'PUT', path, body })).toMatchObject({ status: 200 });
    },
  );

  it('rejects an upload whose digest differs from the announced one, and stores nothing', async () => {
    const digest = digestHeaderOf(createHash('sha256').update('meant').digest('base64'));
    const answer = await put('123', 'came', { [DIGEST_HEADER]: digest });
    expect(answer).toMatchObject({ status: 400, code: 'DTE_ARTIFACT_DAMAGED' });
    expect(storedFiles(harness)).toEqual([]);
    expect(await put('123', 'meant', { [DIGEST_HEADER]: digest })).toMatchObject({ status: 200 });
  });

  it('reports which of many hashes it holds', async () => {
    await put('1', 'a');
    await put('3', 'b');
    const body = JSON.stringify({ hashes: ['1', '2', '3'] });
    const answer = await call({ method: 'POST', path: HTTP.cacheQuestion, body });
    expect(JSON.parse(answer.text)).toEqual({ held: ['1', '3'] });
  });

  it('answers a query for 50,000 hashes', async () => {
    const hashes = Array.from({ length: 50_000 }, (_, index) => String(index).padStart(20, '1'));
    const answer = await call({ method: 'POST', path: HTTP.cacheQuestion, body: JSON.stringify({ hashes }) });
    expect(answer.text).toBe('{"held":[]}');
  });

  const badQuestions: [string, string, string][] = [
    ['that is not JSON', '{', 'DTE_MALFORMED_MESSAGE'],
    ['about a path', '{"hashes":["../x"]}', 'DTE_MALFORMED_MESSAGE'],
    ['that is too long', `{"hashes":["${'a'.repeat(8_000_000)}"]}`, 'DTE_FRAME_TOO_LARGE'],
  ];
  it.each(badQuestions)('rejects a query %s', async (_, body, code) => {
    expect(await call({ method: 'POST', path: HTTP.cacheQuestion, body })).toMatchObject({ code });
  });

  it('keeps attempts apart from hashes, and from each other', async () => {
    await harness.submit(client, runSpec('r1', [taskSpec('app:build')]));
    const path = (attempt: number) => HTTP.attempt('r1', '@scope/app:build', attempt);
    expect(await call({ method: 'PUT', path: path(1), body: 'one' })).toMatchObject({ status: 200 });
    expect(await call({ method: 'PUT', path: path(2), body: 'two' })).toMatchObject({ status: 200 });
    expect(await call({ path: path(1) })).toMatchObject({ text: 'one' });
    expect(await call({ path: path(3) })).toMatchObject({ status: 404, code: 'DTE_ARTIFACT_MISSING' });
  });

  it('accepts artifacts before their run only from the main job', async () => {
    const { token } = await harness.agent('agent 1');
    const path = HTTP.attempt('r7', 'app:build', 0);
    expect(await call({ method: 'PUT', path, body: 'x', token })).toMatchObject({ code: 'DTE_UNKNOWN_RUN' });
    expect(await call({ method: 'PUT', path, body: 'x' })).toMatchObject({ status: 200 });
    expect(await call({ path })).toMatchObject({ text: 'x' });
  });

  it('takes the longest task id there is', async () => {
    await harness.submit(client, runSpec('r1', [taskSpec('app:build')]));
    const path = HTTP.attempt('r1', 'ü'.repeat(1_024), 1);
    expect(await call({ method: 'PUT', path, body: 'one' })).toMatchObject({ status: 200 });
    expect(await call({ path })).toMatchObject({ text: 'one' });
  });
});
