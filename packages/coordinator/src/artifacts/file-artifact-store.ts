import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { TEMP_PREFIX, tempName } from '../files/atomic-write';
import {
  diskError,
  type FileSystem,
  isNotFound,
  isOutOfDescriptors,
  nodeFileSystem,
} from '../files/file-system';
import {
  type ArtifactKey,
  type ArtifactStore,
  describeKey,
  type PutOptions,
  type Receipt,
  SMALL_BYTES,
  type StoredArtifact,
} from './artifact-store';
import { HereDigest } from './digest';
import { type DigestThread, digestThread } from './digest-thread';
import { entryName, fileName, readFileName } from './entry-name';
import { FileBody } from './file-body';
import { GrowingFile } from './growing-file';
import { HandleFile, type OpenFile } from './open-file';
import { QuickFiles } from './quick-files';
import { RecentContents } from './recent-contents';
import { alreadyStored, arrivedBody, checkAnnounced, ReceiptMaker, uploadPieces } from './upload';

/** What is known about one file. */
interface Entry {
  readonly bytes: number | null; // Null: not read yet.
  readonly sha256: string;
}

/** What is known about the files of one session. */
interface Folder {
  readonly path: string;
  readonly entries: Map<string, Entry>;
  /** Complete uploads between decision and rename: a second upload waits for the result of the first. */
  readonly committing: Map<string, Promise<void>>;
  /** Artifacts that are being checked. */
  readonly checking: Map<string, Promise<'good' | 'removed'>>;
}

/**
 * An upload of at most this size is written by blocking calls: for it, the threads cost more than they save. Of a larger one, and of one
 * that announces no size, they write a piece while the next one is received and hashed. Not configurable: it decides only who writes.
 */
const QUICK_BYTES = 4 * 1024 * 1024;

/** Everything that has arrived of a small artifact. */
interface SmallUpload {
  readonly temp: string;
  readonly chunks: readonly Buffer[];
  readonly receipt: Receipt;
}

const pathOf = ({ path }: Folder, name: string, { sha256 }: Pick<Entry, 'sha256'>): string =>
  `${path}/${fileName(name, sha256)}`;

/**
 * Artifacts as files, one flat folder per session: `<root>/<sessionId>/artifacts/<entry>.<sha256>`.
 *
 * The names of a session are kept in memory after its first use, so that `has` (50,000 hashes in one request) and the
 * rejection of a second upload need no system call. This is safe because one process owns the folder. A file is written
 * under a temporary name and renamed, so it is either complete or missing. It is not fsynced: after a crash of the
 * machine an artifact may be damaged, but then the session, whose journal is not fsynced either, starts again anyway.
 */
export class FileArtifactStore implements ArtifactStore {
  private readonly folders = new Map<string, Promise<Folder>>();
  /** Those of them that are there. */
  private readonly opened = new Map<string, Folder>();
  private readonly recent = new RecentContents();
  /** Sessions whose leftovers from an earlier process are removed. Temporary files that appear later are uploads in progress. */
  private readonly tidied = new Set<string>();

  constructor(
    private readonly root: string,
    private readonly fs: FileSystem = nodeFileSystem,
    /** Null: small files go through `fs` as well. */
    private readonly quick: QuickFiles | null = fs === nodeFileSystem ? new QuickFiles() : null,
    /** Null: everything is hashed here. */
    private readonly digests: Pick<DigestThread, 'begin'> | null = digestThread(),
  ) {}

  async has(key: ArtifactKey): Promise<boolean> {
    return (await this.folderOf(key.sessionId)).entries.has(entryName(key));
  }

  async bytesOf(key: ArtifactKey): Promise<number | null> {
    const folder = await this.folderOf(key.sessionId);
    const name = entryName(key);
    const known = folder.entries.get(name);
    if (known?.bytes !== null) return known?.bytes ?? null;
    try {
      const { size } = await this.fs.stat(pathOf(folder, name, known));
      folder.entries.set(name, { ...known, bytes: size });
      return size;
    } catch (thrown) {
      if (isNotFound(thrown)) return null;
      throw thrown;
    }
  }

  async put(key: ArtifactKey, body: Readable, options: PutOptions): Promise<Receipt> {
    checkAnnounced(key, options);
    const folder = await this.folderOf(key.sessionId);
    const name = entryName(key);
    if (folder.entries.has(name)) throw alreadyStored(key);
    try {
      return await this.receive(folder, key, body, options);
    } catch (thrown) {
      throw diskError(thrown, `the artifact for ${describeKey(key)}`, folder.path);
    }
  }

  async get(key: ArtifactKey): Promise<StoredArtifact | null> {
    const folder = await this.folderOf(key.sessionId);
    const name = entryName(key);
    const known = folder.entries.get(name);
    if (known === undefined) return null;
    try {
      return await this.read(pathOf(folder, name, known), known, (bytes) =>
        folder.entries.set(name, { ...known, bytes }),
      );
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
      // Somebody deleted the file. From now on it is missing, and the task runs again.
      folder.entries.delete(name);
      return null;
    }
  }

  getNow(key: ArtifactKey): StoredArtifact | null {
    const folder = this.opened.get(key.sessionId);
    const name = entryName(key);
    const known = folder?.entries.get(name);
    if (folder === undefined || known?.bytes == null || known.bytes === 0) return null;
    const path = pathOf(folder, name, known);
    return this.recent.get(path) ?? this.quick?.get(path, known.bytes, known.sha256) ?? null;
  }

  async check(key: ArtifactKey): Promise<'good' | 'removed' | 'absent'> {
    const folder = await this.folderOf(key.sessionId);
    const name = entryName(key);
    const entry = folder.entries.get(name);
    if (entry === undefined) return 'absent';
    const other = folder.checking.get(name);
    if (other !== undefined) return other;
    const checking = this.removeIfDamaged(folder, name, entry);
    folder.checking.set(name, checking);
    try {
      return await checking;
    } finally {
      folder.checking.delete(name);
    }
  }

  async deleteSession(sessionId: string): Promise<void> {
    this.unloadSession(sessionId);
    this.tidied.delete(sessionId);
    await this.fs.rm(this.folderPathOf(sessionId), { recursive: true, force: true });
  }

  unloadSession(sessionId: string): void {
    this.folders.delete(sessionId);
    this.opened.delete(sessionId);
  }

  private async receive(
    folder: Folder,
    key: ArtifactKey,
    body: Readable,
    options: PutOptions,
  ): Promise<Receipt> {
    const temp = `${folder.path}/${tempName()}`;
    const maker = new ReceiptMaker(() => this.digests?.begin() ?? new HereDigest());
    const finish = (): Promise<Receipt> => maker.finish(key, options, () => this.digestOf(temp));
    const arrived = arrivedBody(body, options);
    if (arrived !== null) {
      const chunks = [arrived];
      void maker.add(chunks, true);
      return this.storeSmall(folder, key, { temp, chunks, receipt: await finish() });
    }
    const file = new GrowingFile(
      () => this.open(temp, 'wx', (options.expectedBytes ?? Infinity) <= QUICK_BYTES),
      () => this.fs.rm(temp, { force: true }),
    );
    try {
      for await (const { chunks, last } of uploadPieces(key, body, options)) {
        const hashing = maker.add(chunks, last);
        if (last && !file.isOpen)
          return await this.storeSmall(folder, key, { temp, chunks, receipt: await finish() });
        await file.append(chunks);
        await hashing;
      }
      await file.end();
      const receipt = await finish();
      await this.commit(folder, key, temp, receipt);
      return receipt;
    } catch (thrown) {
      maker.abandon();
      await file.abandon();
      throw thrown;
    }
  }

  /** What arrived in one piece. */
  private async storeSmall(
    folder: Folder,
    key: ArtifactKey,
    { temp, chunks, receipt }: SmallUpload,
  ): Promise<Receipt> {
    const name = entryName(key);
    const piece = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    this.recent.keep(pathOf(folder, name, receipt), piece, receipt.sha256);
    if (this.quick?.isReady !== true || folder.committing.has(name)) {
      await this.fs.writeFile(temp, piece, { flag: 'wx', mode: 0o600 });
      await this.commit(folder, key, temp, receipt);
      return receipt;
    }
    // Synchronously: nobody else stores it meanwhile.
    if (folder.entries.has(name)) throw alreadyStored(key);
    this.quick.store(temp, pathOf(folder, name, receipt), piece);
    folder.entries.set(name, receipt);
    return receipt;
  }

  private async commit(folder: Folder, key: ArtifactKey, temp: string, receipt: Receipt): Promise<void> {
    const name = entryName(key);
    let other = folder.committing.get(name);
    while (other !== undefined) {
      await other;
      other = folder.committing.get(name);
    }
    if (folder.entries.has(name)) throw alreadyStored(key);
    const path = pathOf(folder, name, receipt);
    if (this.quick?.isReady === true) {
      this.quick.rename(temp, path);
      folder.entries.set(name, receipt);
      return;
    }
    const renamed = this.fs.rename(temp, path);
    folder.committing.set(
      name,
      renamed.catch(() => undefined),
    );
    try {
      await renamed;
      folder.entries.set(name, receipt);
    } finally {
      folder.committing.delete(name);
    }
  }

  private async removeIfDamaged(folder: Folder, name: string, entry: Entry): Promise<'good' | 'removed'> {
    const path = pathOf(folder, name, entry);
    if ((await this.digestOf(path)) === entry.sha256) return 'good';
    await this.fs.rm(path, { force: true });
    folder.entries.delete(name);
    return 'removed';
  }

  /** Null if the file cannot be read: unreadable data is as good as lost. */
  private async digestOf(path: string): Promise<string | null> {
    const hash = createHash('sha256');
    try {
      const handle = await this.fs.open(path, 'r');
      try {
        for await (const chunk of handle.createReadStream({ highWaterMark: SMALL_BYTES }))
          hash.update(chunk as Buffer);
      } finally {
        await handle.close();
      }
    } catch (thrown) {
      if (isOutOfDescriptors(thrown)) throw thrown;
      return null;
    }
    return hash.digest('hex');
  }

  private async read(
    path: string,
    { bytes: knownBytes, sha256 }: Entry,
    learn: (bytes: number) => void,
  ): Promise<StoredArtifact> {
    if (knownBytes !== null && knownBytes <= SMALL_BYTES) {
      const quick = this.quick?.isReady === true ? this.quick.read(path, knownBytes) : null;
      const body = quick ?? (await this.fs.readFile(path));
      return { bytes: body.length, sha256, body };
    }
    const file = await this.open(path, 'r');
    try {
      const bytes = await file.size();
      learn(bytes);
      if (bytes === 0) {
        await file.close();
        return { bytes, sha256, body: Buffer.alloc(0) };
      }
      return { bytes, sha256, body: new FileBody(file, bytes) };
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  private async open(path: string, flags: 'r' | 'wx', mayBlock = true): Promise<OpenFile> {
    return mayBlock && this.quick?.isReady === true
      ? this.quick.open(path, flags)
      : new HandleFile(await this.fs.open(path, flags, 0o600));
  }

  private folderOf(sessionId: string): Promise<Folder> {
    const known = this.folders.get(sessionId);
    if (known !== undefined) return known;
    const opening = this.openFolder(sessionId);
    this.folders.set(sessionId, opening);
    opening.then(
      (folder) => {
        // It may have been unloaded meanwhile, and even be open again.
        if (this.folders.get(sessionId) === opening) this.opened.set(sessionId, folder);
      },
      () => this.folders.delete(sessionId),
    );
    return opening;
  }

  private async openFolder(sessionId: string): Promise<Folder> {
    const path = this.folderPathOf(sessionId);
    try {
      await this.fs.mkdir(path, { recursive: true });
    } catch (thrown) {
      throw diskError(thrown, `session ${sessionId}`, path);
    }
    const entries = new Map<string, Entry>();
    for (const name of await this.fs.readdir(path)) {
      // A file without a digest is not an artifact, because nobody could verify it.
      const known = readFileName(name);
      if (known !== null) entries.set(known.entry, { bytes: null, sha256: known.sha256 });
      else if (!name.startsWith(TEMP_PREFIX)) continue;
      else if (!this.tidied.has(sessionId)) await this.fs.rm(`${path}/${name}`, { force: true });
    }
    this.tidied.add(sessionId);
    return { path, entries, committing: new Map(), checking: new Map() };
  }

  private readonly folderPathOf = (sessionId: string): string => `${this.root}/${sessionId}/artifacts`;
}
