import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, get, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import type { CacheArea, CacheEntry, EntryName, SharedCache } from '../src';
import { textOfEntry } from '../src/s3/entry-text';
import { areaKey, dataKey, entryPath, markKey } from '../src/s3/keys';
import { AREA, BUCKET, entryOf, never, opener, S3Bench, textOf } from './s3-bench';

const bench = new S3Bench('obeys');
let prefix = '';
let cache: SharedCache;
beforeAll(() => bench.start());
beforeEach(() => {
  prefix = bench.emptyPrefix();
  cache = bench.open({ prefix });
});
afterEach(() => bench.closeCaches());
afterAll(() => bench.close());

const put = (entry: CacheEntry, content: string | Buffer, area: CacheArea = AREA) =>
  cache.write(area, entry, opener(content), never());
const names = (...hashes: string[]): EntryName[] => hashes.map((hash) => ({ kind: 'cache', hash }));
const find = (...hashes: string[]) => cache.find(AREA, names(...hashes), never());
/** More names than are looked up one by one. */
const findMany = (...hashes: string[]) =>
  find(...hashes, ...Array.from({ length: 100 }, (_, n) => `none-${n}`));
const folderOf = (entry: EntryName, area: CacheArea = AREA): string =>
  `${areaKey(prefix, area)}${entryPath(entry)}`;
const fileOf = (entry: EntryName): string => bench.pathOf(dataKey(folderOf(entry)));

/** Puts an object into the server's folder, past all requests. */
function plant(key: string, content: string): void {
  const path = bench.pathOf(key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  // It would compute it for every list.
  writeFileSync(`${path}.md5`, '0');
}

async function digestOf(body: Readable | null): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of body ?? []) digest.update(chunk as Buffer);
  return digest.digest('hex');
}

describe('a bucket', () => {
  it('stores a large body in parts, and gives it back', async () => {
    const large = Buffer.alloc(33_000_000, 'many parts ');
    const mark = await bench.served();
    expect(await put(entryOf('1', large), large)).toBe('stored');
    const parts = (await bench.requests(mark)).filter((line) => line.includes('partNumber='));
    expect(parts).toHaveLength(7);
    const [found] = await find('1');
    expect(found).toEqual(entryOf('1', large));
    expect(await digestOf(await cache.read(AREA, entryOf('1', large), never()))).toBe(found?.sha256);
  });

  it('removes the parts of a body that breaks off', async () => {
    const large = Buffer.alloc(12_000_000, 'x');
    const another = Buffer.alloc(12_000_000, 'y');
    const mark = await bench.served();
    await expect(put(entryOf('1', large), another)).rejects.toThrow('another digest');
    expect((await bench.requests(mark)).some((line) => /DELETE .*uploadId=/.test(line))).toBe(true);
    expect(await find('1')).toEqual([]);
  });

  it('answers many questions with one list', async () => {
    await put(entryOf('1', 'one'), 'one');
    await put(entryOf('2', 'two'), 'two');
    const mark = await bench.served();
    const reader = bench.open({ prefix });
    const wanted = names('2', ...Array.from({ length: 500 }, (_, n) => `none-${n}`), '1');
    const expected = [entryOf('2', 'two'), entryOf('1', 'one')];
    expect(await reader.find(AREA, wanted, never())).toEqual(expected);
    expect(await reader.find(AREA, wanted, never())).toEqual(expected);
    expect(await bench.requests(mark)).toEqual([expect.stringContaining('list-type=2')]);
  });

  it('lists a scope of several pages', async () => {
    const hashes = Array.from({ length: 510 }, (_, n) =>
      BigInt(`0x${createHash('sha256').update(String(n)).digest('hex').slice(0, 16)}`).toString(),
    );
    for (const hash of [...hashes, 'zz']) {
      const entry = entryOf(hash, 'x');
      plant(dataKey(folderOf(entry)), 'x');
      plant(markKey(folderOf(entry), entry.bytes, textOfEntry(entry)) ?? '', '');
    }
    const mark = await bench.served();
    const found = await findMany(...hashes, 'zz');
    expect(found.map(({ hash }) => hash)).toEqual([...hashes, 'zz']);
    expect(found.at(-1)).toEqual(entryOf('zz', 'x'));
    expect((await bench.requests(mark)).every((line) => line.includes('list-type=2'))).toBe(true);
  });

  it('finds what it has stored itself in a list from before', async () => {
    expect(await findMany('1')).toEqual([]);
    await put(entryOf('1', 'one'), 'one');
    expect(await findMany('1')).toHaveLength(1);
    await cache.remove(AREA, entryOf('1', 'one'));
    expect(await findMany('1')).toEqual([]);
  });

  it('misses an entry of which only the mark is left', async () => {
    const entry = entryOf('1', 'one');
    plant(markKey(folderOf(entry), entry.bytes, textOfEntry(entry)) ?? '', '');
    expect(await findMany('1')).toEqual([]);
    expect(await find('1')).toEqual([]);
    expect(await put(entry, 'one')).toBe('stored');
  });

  it('asks the object itself when marks contradict each other', async () => {
    await put(entryOf('1', 'one'), 'one');
    const former = entryOf('1', 'two');
    plant(markKey(folderOf(former), former.bytes, textOfEntry(former)) ?? '', '');
    expect(await findMany('1')).toEqual([entryOf('1', 'one')]);
    await cache.remove(AREA, former);
    const mark = await bench.served();
    expect(
      await bench
        .open({ prefix })
        .find(AREA, names('1', ...Array.from({ length: 99 }, (_, n) => `n${n}`)), never()),
    ).toHaveLength(1);
    expect(await bench.requests(mark)).toHaveLength(1);
  });

  it('lets a plain client read a presigned address, and only that one', async () => {
    const entry = entryOf('1', 'one');
    await put(entry, 'one');
    const direct = await cache.readDirectly(AREA, entry);
    const read = async (url: string): Promise<[number | undefined, string | null]> =>
      await new Promise((resolve, reject) => {
        get(
          url,
          (answer) => void textOf(answer).then((text) => resolve([answer.statusCode, text]), reject),
        ).on('error', reject);
      });
    expect(await read(direct?.url ?? '')).toEqual([200, 'one']);
    expect(direct?.expiresAtMs).toBeLessThanOrEqual(Date.now() + 300_000);
    await put(entryOf('2', 'two'), 'two');
    const [status] = await read((direct?.url ?? '').replace('/1/cache/', '/2/cache/'));
    expect(status).toBe(403);
  });

  it('misses an entry whose bytes have another size now, and stores it again', async () => {
    const entry = entryOf('1', 'one');
    await put(entry, 'one');
    writeFileSync(fileOf(entry), 'and more');
    expect(await find('1')).toEqual([]);
    const other = bench.open({ prefix });
    const many = names('1', ...Array.from({ length: 99 }, (_, n) => `none-${n}`));
    expect(await other.find(AREA, many, never())).toEqual([]);
    expect(await put(entry, 'one')).toBe('stored');
    expect(readFileSync(fileOf(entry), 'utf8')).toBe('one');
  });

  it('gives the bytes that are there, and removes them when the reader has compared', async () => {
    const entry = entryOf('1', 'one');
    await put(entry, 'one');
    writeFileSync(fileOf(entry), 'bad');
    expect(await find('1')).toEqual([entry]);
    expect(await textOf(await cache.read(AREA, entry, never()))).toBe('bad');
    await cache.remove(AREA, entry);
    expect(await cache.read(AREA, entry, never())).toBeNull();
    expect(await put(entry, 'one')).toBe('stored');
  });

  it('ignores what others keep below the same prefix', async () => {
    const entry = entryOf('1', 'one');
    plant(`${areaKey(prefix, AREA)}1/readme.txt`, 'hello');
    plant(dataKey(folderOf(entry)), 'one');
    expect(await findMany('1')).toEqual([]);
    expect(await find('1')).toEqual([]);
    expect(await cache.forget(AREA, '4711')).toBe(0);
    expect(readFileSync(bench.pathOf(`${areaKey(prefix, AREA)}1/readme.txt`), 'utf8')).toBe('hello');
  });

  const HOSTILE = [
    '../../../etc/passwd',
    '..',
    '.',
    '',
    'a/b',
    'a',
    '%2e%2e',
    '=2e',
    ' ',
    'ü✓',
    'x'.repeat(500),
    'x\n',
    '?list-type=2',
    '1/cache/data',
  ];

  it('keeps hostile names apart, inside their area', async () => {
    for (const name of HOSTILE) await put(entryOf(name, `of ${name}`), `of ${name}`);
    expect((await find(...HOSTILE)).map(({ hash }) => hash)).toEqual(HOSTILE);
    for (const name of HOSTILE)
      expect(await textOf(await cache.read(AREA, entryOf(name, `of ${name}`), never()))).toBe(`of ${name}`);
    expect(
      await bench
        .open({ prefix })
        .find(AREA, names(...HOSTILE, ...(Array(100).fill('none') as string[])), never()),
    ).toHaveLength(HOSTILE.length);
  });

  it.each(['../../../etc/passwd', '', 'a/b', '1/cache/data'])(
    'keeps the project %j apart from others',
    async (projectId) => {
      const area = { ...AREA, projectId };
      await put(entryOf('1', 'one'), 'one', area);
      expect(await cache.find(area, names('1'), never())).toHaveLength(1);
      expect(await find('1')).toEqual([]);
      expect(await cache.forget(AREA, '4711')).toBe(0);
      expect(await cache.forget(area, '4711')).toBe(1);
    },
  );

  it('forgets a pipeline of many pages', async () => {
    const hashes = Array.from({ length: 510 }, (_, n) => String(n));
    for (const hash of hashes) {
      const entry = entryOf(hash, 'x');
      const pipelineId = Number(hash) % 10 === 0 ? '4712' : '4711';
      const text = textOfEntry({ ...entry, origin: { ...entry.origin, pipelineId } });
      plant(dataKey(folderOf(entry)), 'x');
      plant(markKey(folderOf(entry), entry.bytes, text) ?? '', '');
    }
    expect(await findMany(...hashes)).toHaveLength(510);
    expect(await cache.forget(AREA, '4712')).toBe(51);
    expect((await findMany(...hashes)).every(({ hash }) => Number(hash) % 10 !== 0)).toBe(true);
  });

  it('asks the object itself whose it is when marks contradict each other', async () => {
    const of = (pipelineId: string, hash: string): CacheEntry => {
      const entry = entryOf(hash, 'one');
      return { ...entry, origin: { ...entry.origin, pipelineId } };
    };
    const pairs = [
      [of('4711', '1'), of('4712', '1')],
      [of('4712', '2'), of('4711', '2')],
    ] as const;
    for (const [kept, former] of pairs) {
      await put(kept, 'one');
      plant(markKey(folderOf(former), former.bytes, textOfEntry(former)) ?? '', '');
    }
    expect(await cache.forget(AREA, '4712')).toBe(1);
    expect((await find('1', '2')).map(({ hash }) => hash)).toEqual(['1']);
  });

  it('says which bucket it is', () => {
    expect(cache.description).toBe(`the bucket s3://${BUCKET}/${prefix} at ${bench.url}`);
  });
});

describe('a server that refuses conditional writes', () => {
  const refusing = new S3Bench('refuses');
  beforeAll(() => refusing.start());
  afterAll(() => refusing.close());

  it('gets usual ones, and the first entry still stays', async () => {
    const store = refusing.open();
    const large = Buffer.alloc(12_000_000, 'z');
    expect(await store.write(AREA, entryOf('1', large), opener(large), never())).toBe('stored');
    expect(await store.write(AREA, entryOf('1', 'two'), opener('two'), never())).toBe('exists');
    const mark = await refusing.served();
    expect(await store.write(AREA, entryOf('2', 'two'), opener('two'), never())).toBe('stored');
    expect((await refusing.requests(mark)).filter((line) => line.includes('PUT'))).toHaveLength(2);
  });
});

describe('a server that ignores conditional writes', () => {
  const ignoring = new S3Bench('ignores');
  beforeAll(() => ignoring.start());
  afterAll(() => ignoring.close());

  it('is asked afterwards whose entry it is', async () => {
    const [own, other] = [entryOf('1', 'own'), entryOf('1', 'another')];
    const folder = `${areaKey('dte', AREA)}${entryPath(own)}`;
    // Another writer that overlaps: its object replaces ours before we hear that ours was written.
    const overtake = (): void => {
      const path = ignoring.pathOf(dataKey(folder));
      writeFileSync(path, 'another');
      const metadata = JSON.stringify({ 'x-amz-meta-dte': textOfEntry(other) });
      writeFileSync(path.replace(/object$/, 'metadata.json'), metadata);
    };
    const front = createServer((incoming, outgoing) => {
      const { method, headers, url: path } = incoming;
      const onward = request({ port: ignoring.port, host: '127.0.0.1', method, headers, path }, (answer) => {
        if (method === 'PUT' && path?.includes('/data') === true) overtake();
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(onward);
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
    const endpoint = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
    const cache = ignoring.open({ endpoint });
    expect(await cache.write(AREA, own, opener('own'), never())).toBe('exists');
    const many = names('1', ...Array.from({ length: 99 }, (_, n) => `none-${n}`));
    expect(await ignoring.open().find(AREA, many, never())).toEqual([other]);
    expect(await textOf(await ignoring.open().read(AREA, other, never()))).toBe('another');
    await cache.close();
    front.closeAllConnections();
    front.close();
  });
});
