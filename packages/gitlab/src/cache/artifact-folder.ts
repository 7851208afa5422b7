import type { CacheArea, CacheEntry, EntryName } from '@org/dte-cache';
import { DteError } from '@org/dte-protocol';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type CacheIndex, ENTRIES_FOLDER, INDEX_FILE, parseIndex } from './index-file';

interface Kept {
  readonly area: CacheArea;
  readonly entry: CacheEntry;
}

export interface ArtifactFolderOptions {
  /** Becomes the cache's folder in the artifacts of the job: nothing may be in it that is not to be uploaded. */
  readonly folder: string;
  /** For what is not complete yet: on the same file system, and no artifact. */
  readonly incoming: string;
  /** Whose folder it is. */
  readonly jobId: string;
  /** CI_JOB_TOKEN. */
  readonly jobToken: string;
  readonly maxBytes: number;
}

/** What could not be kept. */
export interface LeftOut {
  readonly count: number;
  readonly bytes: number;
}

const keyOf = ({ issuer, projectId, scope }: CacheArea, { kind, hash }: EntryName): string =>
  JSON.stringify([issuer, projectId, scope, kind, hash]);

/**
 * The entries that this job adds, one file for each digest. The folder never has more than `maxBytes`: too large an archive fails the
 * job, whenever the job ends. If there is too much, the largest entry goes: as many as possible stay, and what is left out costs the
 * fewest hits.
 */
export class ArtifactFolder {
  private readonly kept = new Map<string, Kept>();
  /** Digest -> entries with it. */
  private readonly users = new Map<string, number>();
  private bytes = 0;
  private out = { count: 0, bytes: 0 };

  constructor(private readonly options: ArtifactFolderOptions) {
    const { folder, incoming } = options;
    rmSync(incoming, { recursive: true, force: true });
    mkdirSync(incoming, { recursive: true });
    mkdirSync(join(folder, ENTRIES_FOLDER), { recursive: true });
  }

  /**
   * Takes over what an earlier coordinator of the same job has left, and deletes all else: what a runner has kept or a cache of GitLab
   * has restored, or what another main job of this pipeline has passed on, is not of this job. The token of the job proves it: the
   * id of a job can be guessed, and written into an index that somebody hopes to be found here.
   */
  adopt(area: CacheArea): void {
    const index = this.readIndex();
    const own = index?.jobId === this.options.jobId && index.scope === area.scope ? index.entries : [];
    for (const { jobId, expiresAtMs: _, ...entry } of own) {
      if (jobId !== this.options.jobId) continue;
      const size = statSync(this.fileOf(entry.sha256), { throwIfNoEntry: false })?.size;
      if (size === entry.bytes) this.keep(area, entry);
    }
    if (own.length === 0) rmSync(join(this.options.folder, INDEX_FILE), { force: true });
    for (const name of readdirSync(join(this.options.folder, ENTRIES_FOLDER)))
      if (!this.users.has(name)) rmSync(this.fileOf(name), { recursive: true, force: true });
  }

  get leftOut(): LeftOut {
    return this.out;
  }

  find(area: CacheArea, name: EntryName): CacheEntry | undefined {
    return this.kept.get(keyOf(area, name))?.entry;
  }

  entriesOf(area: CacheArea): CacheEntry[] {
    const { issuer, projectId, scope } = area;
    return [...this.kept.values()]
      .filter(({ area: of }) => of.issuer === issuer && of.projectId === projectId && of.scope === scope)
      .map(({ entry }) => entry);
  }

  /** Null if it is gone, or another one. */
  async read(area: CacheArea, entry: CacheEntry): Promise<Readable | null> {
    if (this.find(area, entry)?.sha256 !== entry.sha256) return null;
    try {
      return createReadStream('', { fd: await open(this.fileOf(entry.sha256)) });
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw thrown;
    }
  }

  /** @throws DteError DTE_ARTIFACT_DAMAGED if the bytes are others; what the file system or the stream throws */
  async write(
    area: CacheArea,
    entry: CacheEntry,
    body: Readable,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'> {
    const file = join(this.options.incoming, randomUUID());
    try {
      const digest = createHash('sha256');
      let bytes = 0;
      const count = new Transform({
        transform(chunk: Buffer, _, done) {
          bytes += chunk.length;
          digest.update(chunk);
          done(null, chunk);
        },
      });
      await pipeline(body, count, createWriteStream(file), { signal });
      if (bytes !== entry.bytes || digest.digest('hex') !== entry.sha256)
        throw new DteError(
          'DTE_ARTIFACT_DAMAGED',
          `The result of ${entry.origin.taskId} has other bytes than it was announced with: it is not stored in the shared cache.`,
        );
      // Another one may have arrived meanwhile. Nothing waits between here and the end.
      if (this.find(area, entry) !== undefined) return 'exists';
      if (this.makeRoom(entry)) {
        renameSync(file, this.fileOf(entry.sha256));
        this.keep(area, entry);
      }
      return 'stored';
    } finally {
      rmSync(file, { force: true });
    }
  }

  /** @returns whether it was there, with this digest */
  remove(area: CacheArea, entry: CacheEntry): boolean {
    const key = keyOf(area, entry);
    if (this.kept.get(key)?.entry.sha256 !== entry.sha256) return false;
    this.drop(key);
    return true;
  }

  /** @returns how many entries of a pipeline were removed, in all scopes of the project */
  forget({ issuer, projectId }: Pick<CacheArea, 'issuer' | 'projectId'>, pipelineId: string): number {
    const keys = [...this.kept]
      .filter(([, { area }]) => area.issuer === issuer && area.projectId === projectId)
      .filter(([, { entry }]) => entry.origin.pipelineId === pipelineId)
      .map(([key]) => key);
    for (const key of keys) this.drop(key);
    return keys.length;
  }

  /** The old one or the new one is there, whenever the job ends. */
  writeIndex(content: string): void {
    const file = join(this.options.incoming, INDEX_FILE);
    writeFileSync(file, content);
    writeFileSync(this.macFile, this.macOf(content));
    renameSync(file, join(this.options.folder, INDEX_FILE));
  }

  private readIndex(): CacheIndex | null {
    const file = join(this.options.folder, INDEX_FILE);
    if (!existsSync(file) || !existsSync(this.macFile)) return null;
    const content = readFileSync(file, 'utf8');
    return readFileSync(this.macFile, 'utf8') === this.macOf(content) ? parseIndex(content, null) : null;
  }

  /** No artifact. */
  private get macFile(): string {
    return `${this.options.incoming}.mac`;
  }

  private macOf(content: string): string {
    return createHmac('sha256', this.options.jobToken).update(content).digest('hex');
  }

  /** Makes room for an entry, or leaves it out. */
  private makeRoom(entry: CacheEntry): boolean {
    const { maxBytes } = this.options;
    if (this.users.has(entry.sha256)) return true;
    while (this.bytes + entry.bytes > maxBytes) {
      const [key, largest] = this.largest() ?? [];
      if (key === undefined || largest === undefined || largest.entry.bytes <= entry.bytes) {
        this.leave(entry);
        return false;
      }
      this.leave(largest.entry);
      this.drop(key);
    }
    return true;
  }

  private largest(): [string, Kept] | undefined {
    let found: [string, Kept] | undefined;
    for (const each of this.kept) {
      if (found === undefined || each[1].entry.bytes > found[1].entry.bytes) found = each;
    }
    return found;
  }

  private leave({ bytes }: CacheEntry): void {
    this.out = { count: this.out.count + 1, bytes: this.out.bytes + bytes };
  }

  private keep(area: CacheArea, entry: CacheEntry): void {
    const users = this.users.get(entry.sha256) ?? 0;
    if (users === 0) this.bytes += entry.bytes;
    this.users.set(entry.sha256, users + 1);
    this.kept.set(keyOf(area, entry), { area, entry });
  }

  private drop(key: string): void {
    const dropped = this.kept.get(key);
    if (dropped === undefined) return;
    this.kept.delete(key);
    const { sha256, bytes } = dropped.entry;
    const users = (this.users.get(sha256) ?? 1) - 1;
    if (users > 0) {
      this.users.set(sha256, users);
      return;
    }
    this.users.delete(sha256);
    this.bytes -= bytes;
    rmSync(this.fileOf(sha256), { force: true });
  }

  private fileOf(sha256: string): string {
    return join(this.options.folder, ENTRIES_FOLDER, sha256);
  }
}
