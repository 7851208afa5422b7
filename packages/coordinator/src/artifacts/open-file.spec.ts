import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { waitFor } from '@org/dte-testing';
import { nodeFileSystem } from '../files/file-system';
import { FileBody } from './file-body';
import { FileArtifactStore } from './file-artifact-store';
import { type BlockingCalls, QuickFiles } from './quick-files';

const KEY = { kind: 'cache', sessionId: 's1', hash: '1' } as const;
const PIECE_BYTES = 64 * 1024;
const announced = (pieces: number) => ({ expectedBytes: pieces * PIECE_BYTES, maxBytes: 1e9 });

let root: string;
const folder = (): string => join(root, 's1', 'artifacts');

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'dte-open-file-'));
});
afterEach(() => fs.rmSync(root, { recursive: true }));

/** `pieces` pieces, each of another byte. */
const bodyOf = (pieces: number): Readable =>
  Readable.from(Array.from({ length: pieces }, (_, index) => Buffer.alloc(PIECE_BYTES, index + 1)));

async function contentOf(store: FileArtifactStore): Promise<Buffer> {
  const found = await store.get(KEY);
  if (found === null) throw new Error('It is not there.');
  if (Buffer.isBuffer(found.body)) return found.body;
  const chunks: Buffer[] = [];
  for await (const chunk of found.body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A store on a disk with these calls, and which of them were made. */
function storeOn(change: Partial<BlockingCalls>): {
  store: FileArtifactStore;
  quick: QuickFiles;
  made: string[];
  clock: { nowMs: number };
} {
  const made: string[] = [];
  const clock = { nowMs: 0 };
  const calls: BlockingCalls = {
    ...fs,
    writevSync: (...args) => {
      made.push('write');
      return (change.writevSync ?? fs.writevSync)(...args);
    },
    readSync: ((...args: Parameters<typeof fs.readSync>) => {
      made.push('read');
      return fs.readSync(...args);
    }) as typeof fs.readSync,
    renameSync: (...args) => {
      made.push('rename');
      (change.renameSync ?? fs.renameSync)(...args);
    },
  };
  const quick = new QuickFiles(calls, () => clock.nowMs);
  return { store: new FileArtifactStore(root, nodeFileSystem, quick), quick, made, clock };
}

describe('an artifact of several pieces, on a fast disk', () => {
  it('is written and read by blocking calls', async () => {
    const { store, made } = storeOn({});
    await store.put(KEY, bodyOf(20), announced(20));
    expect(made.filter((each) => each === 'write').length).toBeGreaterThan(1);
    expect(made.at(-1)).toBe('rename');
    const content = await contentOf(store);
    expect(content).toEqual(Buffer.concat(await bodyOf(20).toArray()));
    expect(made.at(-1)).toBe('read');
  });

  it.each([
    ['is larger than 4 MB', announced(80)],
    ['does not say how large it is', { ...announced(80), expectedBytes: null }],
  ])('is written by threads while more arrives if it %s', async (_why, options) => {
    const { store, made } = storeOn({});
    await store.put(KEY, bodyOf(80), options);
    expect(made).toEqual(['rename']);
    expect((await contentOf(store)).equals(Buffer.concat(await bodyOf(80).toArray()))).toBe(true);
  });

  it('is complete although the disk takes a part of each piece', async () => {
    const { store } = storeOn({
      writevSync: (fd, buffers) => fs.writevSync(fd, [Buffer.from(buffers[0] as Buffer).subarray(0, 50_000)]),
    });
    await store.put(KEY, bodyOf(20), announced(20));
    expect((await contentOf(store)).equals(Buffer.concat(await bodyOf(20).toArray()))).toBe(true);
  });

  it('goes to the threads in its middle when the disk becomes slow', async () => {
    const { store, quick, made, clock } = storeOn({
      writevSync: (...args) => {
        clock.nowMs += 100;
        return fs.writevSync(...args);
      },
    });
    await store.put(KEY, bodyOf(40), announced(40));
    expect(quick.isReady).toBe(false);
    expect(made).toEqual(['write']);
    expect((await contentOf(store)).equals(Buffer.concat(await bodyOf(40).toArray()))).toBe(true);
    expect(made).toEqual(['write']);
  });

  it.each(['writevSync', 'renameSync'] as const)('leaves nothing when %s finds it full', async (full) => {
    const noSpace = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    const { store } = storeOn({
      [full]: () => {
        throw noSpace;
      },
    });
    await expect(store.put(KEY, bodyOf(20), announced(20))).rejects.toMatchObject({ code: 'DTE_DISK_FULL' });
    expect(fs.readdirSync(folder())).toEqual([]);
    expect(await store.has(KEY)).toBe(false);
  });

  it('is the first of two that arrive together, and the other one is told', async () => {
    const { store } = storeOn({});
    const both = await Promise.allSettled([
      store.put(KEY, bodyOf(20), announced(20)),
      store.put(KEY, bodyOf(21), announced(21)),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'DTE_ARTIFACT_EXISTS' },
    });
    expect(fs.readdirSync(folder())).toHaveLength(1);
  });
});

it('a file is closed when the read that a thread makes has ended: nobody else gets its descriptor before', async () => {
  fs.writeFileSync(join(root, 'a'), 'content');
  let nowMs = 0;
  const closed: number[] = [];
  const quick = new QuickFiles(
    {
      ...fs,
      openSync: (...args) => {
        nowMs += 100;
        return fs.openSync(...args);
      },
      closeSync: (fd) => {
        closed.push(fd);
        fs.closeSync(fd);
      },
    },
    () => nowMs,
  );
  const file = quick.open(join(root, 'a'), 'r');
  const buffer = Buffer.alloc(7);
  const reading = file.read(buffer, 7, 0);
  expect(reading).toBeInstanceOf(Promise);
  nowMs += 1e6;
  expect(quick.isReady).toBe(true);
  const closing = file.close();
  expect(closed).toEqual([]);
  expect(await reading).toBe(7);
  await closing;
  expect(buffer.toString()).toBe('content');
});

it('a file that nobody closed and nobody has any more is closed, once; one that was closed is left alone', async () => {
  fs.writeFileSync(join(root, 'a'), 'content');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const closed: number[] = [];
  const calls = {
    ...fs,
    closeSync: (fd: number) => {
      closed.push(fd);
      fs.closeSync(fd);
    },
  };
  const quick = new QuickFiles(calls);
  const open = (): number => {
    // Of a body that is neither read nor destroyed.
    const file = quick.open(join(root, 'a'), 'r');
    new FileBody(file, 7).pause();
    return Reflect.get(file, 'fd') as number;
  };
  const kept = quick.open(join(root, 'a'), 'r');
  const forgotten = Array.from({ length: 5 }, open);
  await waitFor('the forgotten files to be closed', () => {
    collect();
    return forgotten.every((fd) => closed.includes(fd));
  });
  await kept.close();
  collect();
  expect(closed).toHaveLength(6);
  expect(new Set(closed).size).toBe(6);
});

it.each([20, 80])(
  'an upload of %i pieces whose digest the thread never says is verified by what is on the disk',
  async (pieces) => {
    const dead = { add: () => undefined, finish: () => Promise.resolve(null), abandon: jest.fn() };
    const store = new FileArtifactStore(root, nodeFileSystem, new QuickFiles(), { begin: () => dead });
    const sha256 = createHash('sha256')
      .update(Buffer.concat(await bodyOf(pieces).toArray()))
      .digest('hex');
    const wrong = { ...announced(pieces), expectedSha256: 'ab'.repeat(32) };
    await expect(store.put(KEY, bodyOf(pieces), wrong)).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_DAMAGED',
    });
    await expect(store.put(KEY, bodyOf(pieces - 1), announced(pieces))).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_INCOMPLETE',
    });
    expect(dead.abandon).toHaveBeenCalled();
    expect(fs.readdirSync(folder())).toEqual([]);
    const right = { ...announced(pieces), expectedSha256: sha256 };
    expect(await store.put(KEY, bodyOf(pieces), right)).toMatchObject({ sha256 });
    expect(await store.check(KEY)).toBe('good');
  },
);
