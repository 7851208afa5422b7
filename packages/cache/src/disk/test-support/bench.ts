import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CacheArea, CacheEntry } from '../../port/shared-cache';
import { SHARDS } from '../blob-files';
import { DiskStore, type DiskOptions } from '../disk-store';
import { type FileSystem, nodeFileSystem } from '../file-system';

export const AREA: CacheArea = { issuer: 'https://gitlab.example.com', projectId: '42', scope: 'trusted' };
export const OWN: CacheArea = { ...AREA, scope: `own-${'0'.repeat(32)}` };

export const entryOf = (hash: string, content: string, pipelineId = '4711'): CacheEntry => ({
  kind: 'cache',
  hash,
  bytes: Buffer.byteLength(content),
  sha256: createHash('sha256').update(content).digest('hex'),
  origin: {
    pipelineId,
    jobId: null,
    commit: 'a'.repeat(40),
    ref: 'main',
    agent: 'nx-agent 1/3',
    taskId: `app-${hash}:build`,
    atMs: 1_790_000_000_000,
  },
});

export const never = (): AbortSignal => new AbortController().signal;
export const opener = (content: string) => (): Readable => Readable.from([Buffer.from(content)]);

export async function textOf(body: Readable | null): Promise<string | null> {
  if (body === null) return null;
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** A disk with as much room, and as much time, as a spec likes. */
export class SlowDisk {
  isFull = false;
  bytesLeft = Infinity;

  /** Called before a file is removed, and after one was renamed: what else happens at that moment. */
  beforeRemoval: () => Promise<void> = () => Promise.resolve();
  afterRename: () => Promise<void> = () => Promise.resolve();

  readonly fs: FileSystem = {
    ...nodeFileSystem,
    open: async (...args) => this.watched(await nodeFileSystem.open(...args)),
    rm: async (...args) => {
      await this.beforeRemoval();
      await nodeFileSystem.rm(...args);
    },
    rename: async (...args) => {
      await nodeFileSystem.rename(...args);
      await this.afterRename();
    },
  };

  private watched(handle: FileHandle): FileHandle {
    const write = handle.writeFile.bind(handle);
    handle.writeFile = async (data, options) => {
      const bytes = Buffer.from(data as string);
      const part = bytes.subarray(0, this.isFull ? 0 : this.bytesLeft);
      this.bytesLeft -= part.length;
      await write(part, options);
      if (part.length < bytes.length)
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    return handle;
  }
}

/** One folder, and the store that is open in it. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'dte-disk-cache-'));
  readonly disk = new SlowDisk();
  readonly warnings: string[] = [];
  nowMs = 1_800_000_000_000;
  private cache: DiskStore | null = null;
  private options: Partial<DiskOptions> = {};

  async open(options: Partial<DiskOptions> = {}): Promise<DiskStore> {
    this.options = options;
    this.cache = await DiskStore.open({
      folder: this.folder,
      maxBytes: 1e9,
      projectBytes: 1e9,
      ageMs: 10 * 24 * 3_600_000,
      warn: (message) => this.warnings.push(message),
      fs: this.disk.fs,
      now: () => this.nowMs,
      ...options,
    });
    return this.cache;
  }

  async reopen(options: Partial<DiskOptions> = this.options): Promise<DiskStore> {
    await this.cache?.close();
    return this.open(options);
  }

  /** Another process, after the first one was killed. */
  reopenAfterCrash(): Promise<DiskStore> {
    return this.open();
  }

  indexBytes(): number {
    return statSync(join(this.folder, 'index-1')).size;
  }

  /** Which of these hashes are found in `AREA`. */
  async found(...hashes: string[]): Promise<string[]> {
    const names = hashes.map((hash) => ({ kind: 'cache', hash }) as const);
    return ((await this.cache?.find(AREA, names, never())) ?? []).map(({ hash }) => hash);
  }

  /** Digests of the files with bytes. */
  blobs(): string[] {
    return this.files()
      .filter((file) => file.startsWith('blobs/'))
      .map((file) => file.slice('blobs/ab/'.length));
  }

  files(): string[] {
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile())
      .map((each) => join(each.parentPath, each.name).slice(this.folder.length + 1))
      .sort();
  }

  /** @param content of the file with these bytes; null: no file */
  damage(sha256: string, content: string | null): void {
    const folder = join(this.folder, 'blobs', sha256.slice(0, 2));
    mkdirSync(folder, { recursive: true });
    if (content === null) rmSync(join(folder, sha256));
    else writeFileSync(join(folder, sha256), content);
  }

  leaveUnfinished(): void {
    writeFileSync(join(this.folder, 'tmp', 'unfinished'), 'part');
  }

  rewriteIndex(change: (lines: string[]) => string[]): void {
    const path = join(this.folder, 'index-1');
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    writeFileSync(
      path,
      change(lines)
        .map((line) => `${line}\n`)
        .join(''),
    );
  }

  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) await nextTurn();
  }

  async tidyAll(cache: DiskStore): Promise<void> {
    for (const _ of SHARDS) await cache.tidy();
    await cache.settled();
  }

  async cleanUp(): Promise<void> {
    await this.cache?.close();
    rmSync(this.folder, { recursive: true });
  }
}
