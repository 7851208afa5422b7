import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { SharedCache, StagedBytes, StagedName } from '../src';
import type { Conditions } from './s3-bench';
import { AREA, entryOf, never, opener, S3Bench, textOf } from './s3-bench';

const CONTENT = 'outputs of a task';
const nameOf = (content: string, place = 'session-1'): StagedName => ({
  place,
  bytes: Buffer.byteLength(content),
  sha256: createHash('sha256').update(content).digest('hex'),
});

/** As a job sends it: without the SDK, and without credentials. */
function put(url: string, headers: Record<string, string>, content: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'PUT', headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end(content);
  });
}

describe.each(['obeys', 'ignores', 'refuses'] satisfies Conditions[])(
  'a bucket that %s conditions, and what jobs put into it',
  (conditions) => {
    const bench = new S3Bench(conditions);
    let cache: SharedCache;
    let staged: StagedBytes;
    let name: StagedName;
    beforeAll(() => bench.start());
    beforeEach(() => {
      cache = bench.open({ prefix: bench.emptyPrefix() });
      staged = cache.staged!;
      name = nameOf(CONTENT, `session-${randomBytes(4).toString('hex')}`);
    });
    afterEach(() => bench.closeCaches());
    afterAll(() => bench.close());

    const upload = async (content = CONTENT): Promise<number> => {
      const { url, headers } = await staged.writeDirectly(name);
      return put(url, headers, content);
    };

    it('takes the bytes of an address, and nothing else there', async () => {
      const other = CONTENT.toUpperCase();
      expect(other).toHaveLength(CONTENT.length);
      expect(await upload(other)).toBe(400);
      expect(await staged.look(name, never())).toBe('absent');
      expect(await upload()).toBe(200);
      expect(await staged.look(name, never())).toBe('whole');
      expect(await textOf(await staged.read(name, never()))).toBe(CONTENT);
      const { url } = await staged.readDirectly(name);
      expect(await (await fetch(url)).text()).toBe(CONTENT);
      // Nor later: the address is valid for some minutes.
      expect(await upload(other)).toBe(400);
      expect(await textOf(await staged.read(name, never()))).toBe(CONTENT);
    });

    it('refuses another size, another checksum, or none, at the same address', async () => {
      const { url, headers } = await staged.writeDirectly(name);
      const longer = `${CONTENT} and more`;
      const sumOf = (text: string) => createHash('sha256').update(text).digest('base64');
      const length = { 'content-length': String(longer.length) };
      expect(await put(url, { ...headers, ...length }, longer)).toBe(403);
      const other = CONTENT.toUpperCase();
      expect(await put(url, { ...headers, 'x-amz-checksum-sha256': sumOf(other) }, other)).toBe(403);
      expect(await put(url, { 'content-length': headers['content-length']! }, other)).toBe(403);
      expect(await staged.look(name, never())).toBe('absent');
    });

    it('makes an entry of them inside the bucket, which stays when they are removed', async () => {
      await upload();
      const entry = entryOf('h', CONTENT);
      expect(await cache.find(AREA, [entry], never())).toEqual([]);
      const mark = await bench.served();
      expect(await staged.publish(AREA, entry, name, never())).toBe('stored');
      // The bytes came from nowhere.
      expect((await bench.requests(mark)).filter((line) => line.startsWith('GET'))).toEqual([]);
      await staged.clear(name.place, never());
      expect(await staged.look(name, never())).toBe('absent');
      expect(await cache.find(AREA, [entry], never())).toEqual([entry]);
      expect(await textOf(await cache.read(AREA, entry, never()))).toBe(CONTENT);
      expect(await cache.forget(AREA, entry.origin.pipelineId)).toBe(1);
      expect(await cache.find(AREA, [entry], never())).toEqual([]);
    });

    it('keeps the first entry of a name', async () => {
      const first = entryOf('h', 'the first');
      await cache.write(AREA, first, opener('the first'), never());
      await upload();
      expect(await staged.publish(AREA, entryOf('h', CONTENT), name, never())).toBe('exists');
      expect(await cache.find(AREA, [first], never())).toEqual([first]);
      expect(await textOf(await cache.read(AREA, first, never()))).toBe('the first');
    });

    it('makes no entry of bytes that are gone, or that are others by now', async () => {
      const entry = entryOf('h', CONTENT);
      const publish = () => staged.publish(AREA, entry, name, never());
      await expect(publish()).rejects.toMatchObject({ code: 'DTE_ARTIFACT_MISSING' });
      // Under the same key, as somebody with credentials of the bucket could.
      await cache.write(AREA, entryOf('x', 'others'), opener('others'), never());
      await upload();
      const others = { ...name, bytes: name.bytes + 1 };
      expect(await staged.look(others, never())).toBe('other');
      await expect(staged.publish(AREA, entry, others, never())).rejects.toMatchObject({
        code: 'DTE_ARTIFACT_DAMAGED',
      });
      expect(await cache.find(AREA, [entry], never())).toEqual([]);
    });

    it('removes one of them, or all of a place', async () => {
      await upload();
      const elsewhere = nameOf(CONTENT, `${name.place}0`);
      const { url, headers } = await staged.writeDirectly(elsewhere);
      expect(await put(url, headers, CONTENT)).toBe(200);
      await staged.remove(name, never());
      expect(await staged.look(name, never())).toBe('absent');
      await upload();
      await staged.clear(name.place, never());
      expect(await staged.look(name, never())).toBe('absent');
      expect(await staged.look(elsewhere, never())).toBe('whole');
    });
  },
);

describe('a bucket that keeps no checksums', () => {
  const bench = new S3Bench('obeys', 'no-checksums');
  beforeAll(() => bench.start());
  afterEach(() => bench.closeCaches());
  afterAll(() => bench.close());

  it('cannot prove what it was given, and no entry is made of it', async () => {
    const { staged } = bench.open();
    const name = nameOf(CONTENT);
    const { url, headers } = await staged!.writeDirectly(name);
    expect(await put(url, headers, CONTENT.toUpperCase())).toBe(200);
    expect(await staged!.look(name, never())).toBe('unproven');
    await expect(staged!.publish(AREA, entryOf('h', CONTENT), name, never())).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_DAMAGED',
    });
  });

  it('takes nothing from jobs if its option says so', () => {
    expect(bench.open({ directUploads: false }).staged).toBeNull();
  });
});
