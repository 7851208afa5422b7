import { promises } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { waitFor } from '@org/dte-testing';
import type { FileSystem } from '../files/file-system';
import { UPLOAD_BYTES } from './artifact-store';
import { FileArtifactStore } from './file-artifact-store';
import { GrowingFile } from './growing-file';
import { HandleFile } from './open-file';
import { uploadPieces } from './upload';

const KEY = { kind: 'cache', sessionId: 's1', hash: '1' } as const;
const OPTIONS = { expectedBytes: null, maxBytes: 1e9 };
const PIECE_BYTES = 64 * 1024;

/** Sends as fast as it can, `pieces` pieces. */
function eagerBody(pieces: number): { body: Readable; sentBytes: () => number } {
  let sent = 0;
  const body = new Readable({
    highWaterMark: PIECE_BYTES,
    read() {
      sent += 1;
      this.push(sent > pieces ? null : Buffer.alloc(PIECE_BYTES, sent));
    },
  });
  return { body, sentBytes: () => sent * PIECE_BYTES };
}

describe('an upload', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'dte-upload-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  /** A disk whose writes wait until it is released. */
  function stuckDisk(): { fs: FileSystem; writes: () => number; release: () => void } {
    let writes = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const fs: FileSystem = {
      ...promises,
      open: async (...args) => {
        const handle = await promises.open(...args);
        const writev = handle.writev.bind(handle);
        handle.writev = async (...pieces) => {
          writes += 1;
          await released;
          return writev(...pieces);
        };
        return handle;
      },
    };
    return { fs, writes: () => writes, release };
  }

  it('is not read further than UPLOAD_BYTES ahead of a disk that is stuck, and is stored completely when it is not any more', async () => {
    const disk = stuckDisk();
    const { body, sentBytes } = eagerBody(400);
    const storing = new FileArtifactStore(root, disk.fs).put(KEY, body, OPTIONS);
    await waitFor('the body to wait for the disk', () => disk.writes() === 1 && body.isPaused());
    // Whatever is still under way has its turn.
    for (let turns = 0; turns < 100; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(sentBytes()).toBeGreaterThan(1_000_000);
    // What the body itself has ready comes on top.
    expect(sentBytes()).toBeLessThanOrEqual(UPLOAD_BYTES + 2 * PIECE_BYTES);
    disk.release();
    expect(await storing).toMatchObject({ bytes: 400 * PIECE_BYTES });
  });

  it('that broke off before anybody read it is incomplete, not endless', async () => {
    const { body } = eagerBody(4);
    body.destroy();
    await new Promise((resolve) => body.once('close', resolve));
    const storing = new FileArtifactStore(root).put(KEY, body, OPTIONS);
    await expect(storing).rejects.toMatchObject({ code: 'DTE_ARTIFACT_INCOMPLETE' });
    expect(await readdir(join(root, 's1', 'artifacts'))).toEqual([]);
  });

  it('leaves no listener on its body, whose rest others discard', async () => {
    const { body } = eagerBody(400);
    const before = body.eventNames();
    const pieces = uploadPieces(KEY, body, { ...OPTIONS, maxBytes: 300_000 });
    await expect(
      (async () => {
        for await (const piece of pieces) expect(piece.last).toBe(false);
      })(),
    ).rejects.toMatchObject({ code: 'DTE_ARTIFACT_TOO_LARGE' });
    expect(body.eventNames()).toEqual(before);
    expect(body.destroyed).toBe(false);
    body.resume();
    await new Promise((resolve) => body.once('end', resolve));
  });

  it('is written completely by a disk that takes a part of each piece', async () => {
    const fs: FileSystem = {
      ...promises,
      open: async (...args) => {
        const handle = await promises.open(...args);
        const writev = handle.writev.bind(handle);
        handle.writev = async (pieces) => {
          const [first] = pieces;
          const part = first instanceof Buffer ? first.subarray(0, 7) : Buffer.alloc(0);
          return { ...(await writev([part])), buffers: pieces };
        };
        return handle;
      },
    };
    const file = new GrowingFile(
      async () => new HandleFile(await fs.open(join(root, 'a'), 'wx')),
      () => Promise.resolve(),
    );
    await file.append([Buffer.from('0123456789'), Buffer.from(''), Buffer.from('ab')]);
    await file.append([Buffer.from('cdefghijklmnopqrstuvwxyz')]);
    await file.end();
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('0123456789abcdefghijklmnopqrstuvwxyz');
  });
});

describe('a small artifact', () => {
  it('whose file is gone is not there any more, and may be stored again', async () => {
    const root = await mkdtemp(join(tmpdir(), 'dte-upload-'));
    const store = new FileArtifactStore(root);
    const put = () => store.put(KEY, Readable.from([Buffer.from('content')]), OPTIONS);
    await put();
    expect((await store.get(KEY))?.body).toEqual(Buffer.from('content'));
    const folder = join(root, 's1', 'artifacts');
    for (const name of await readdir(folder)) await rm(join(folder, name));
    expect(await store.get(KEY)).toBeNull();
    expect(await put()).toMatchObject({ bytes: 7 });
    await rm(root, { recursive: true });
  });
});
