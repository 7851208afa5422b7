import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { HTTP } from '@org/dte-protocol';
import { type HttpAnswer, httpCall, type RawClient } from '@org/dte-testing';
import { Harness } from './support/harness';
import { storedFiles } from './support/stored-files';

describe('an artifact that is asked for the usual way', () => {
  let harness: Harness;
  let client: RawClient;
  const folder = (): string => join(harness.dataDir, 'sessions', 's1', 'artifacts');
  const get = (path: string, token: string | null = client.token): Promise<HttpAnswer> =>
    httpCall(harness.url, { path, ...(token === null ? {} : { token }) });
  const put = (hash: string, body: Buffer): Promise<HttpAnswer> =>
    httpCall(harness.url, { method: 'PUT', path: HTTP.cache(hash), body, token: client.token });

  beforeEach(async () => {
    harness = await Harness.start();
    client = await harness.main();
  });
  afterEach(() => harness.cleanUp());

  it.each([1, 1_000, 20_000, 262_144, 262_145, 3_000_001])(
    'is the same as by a path that the router has to decode (%i bytes)',
    async (bytes) => {
      const body = Buffer.alloc(bytes, 'all the bytes of it, ');
      await put('a1', body);
      for (const answer of [await get('/v1/cache/a1'), await get('/v1/cache/%611')]) {
        expect(answer.status).toBe(200);
        expect(answer.body.equals(body)).toBe(true);
      }
      const told = async (path: string): Promise<unknown> => {
        const { 'content-length': length, 'content-type': type, etag, ...rest } = (await get(path)).headers;
        return { length, type, etag, digest: rest['repr-digest'], encoding: rest['transfer-encoding'] };
      };
      expect(await told('/v1/cache/a1')).toEqual(await told('/v1/cache/%611'));
      expect(await told('/v1/cache/a1')).toMatchObject({ length: `${bytes}`, encoding: undefined });
    },
  );

  it('is refused without a token of its session, also when others have just read it', async () => {
    await put('a1', Buffer.from('content'));
    expect(await get('/v1/cache/a1')).toMatchObject({ status: 200 });
    expect(await get('/v1/cache/a1', null)).toMatchObject({ status: 401 });
    expect(await get('/v1/cache/a1', `${client.token}x`)).toMatchObject({ status: 401 });
    expect(await get('/v1/cache/a1/terminal')).toMatchObject({ status: 404, code: 'DTE_UNKNOWN_HASH' });
    expect(await get('/v1/cache/a1?x=1')).toMatchObject({ status: 200, text: 'content' });
  });

  it.each([300_000, 2_000_000])('is missing when somebody has deleted its file (%i bytes)', async (bytes) => {
    await put('a1', Buffer.alloc(bytes, 'a'));
    expect(await get('/v1/cache/a1')).toMatchObject({ status: 200 });
    for (const file of storedFiles(harness)) rmSync(join(folder(), file));
    expect(await get('/v1/cache/a1')).toMatchObject({ status: 404, code: 'DTE_UNKNOWN_HASH' });
    expect(await put('a1', Buffer.alloc(bytes, 'b'))).toMatchObject({ status: 200 });
    expect((await get('/v1/cache/a1')).body.equals(Buffer.alloc(bytes, 'b'))).toBe(true);
  });

  it('is never taken for complete when its file has become shorter', async () => {
    await put('a1', Buffer.alloc(2_000_000, 'a'));
    for (const file of storedFiles(harness)) truncateSync(join(folder(), file), 1_000_000);
    const { headers, body } = await get('/v1/cache/a1');
    // The reader compares it with the digest.
    expect(body).toHaveLength(1_000_000);
    expect(headers).toMatchObject({
      'content-length': '1000000',
      'repr-digest': expect.any(String) as string,
    });
  });
});
