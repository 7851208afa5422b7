import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { TEMP_PREFIX, tempName } from '../files/atomic-write';
import { diskError, type FileSystem, isNotFound, nodeFileSystem } from '../files/file-system';
import {
  type ArtifactKey,
  type ArtifactStore,
  describeKey,
  type PutOptions,
  SMALL_BYTES,
  type StoredArtifact,
} from './artifact-store';
import { entryName } from './entry-name';
import { alreadyStored, checkAnnounced, uploadPieces } from './upload';

/** What is known of the files of one session: its artifacts' sizes (null: not looked at yet). */
interface Folder {
  readonly path: string;
  readonly entries: Map<string, number | null>;
  /** Complete uploads between decision and rename: a second one waits for the outcome of the first. */
  readonly committing: Map<string, Promise<void>>;
}

/**
 * Artifacts as files, one flat folder per session: `<root>/<sessionId>/artifacts/<entry>`.
 *
 * The names are kept in memory once a session is touched, so that `has` (50,000 hashes in one question) and the
 * refusal of a second upload cost no system call. That is sound because one process owns the folder. A file is
 * written under a temporary name and renamed: complete or not there. It is not fsynced: after a crash of the machine
 * an artifact may be damaged, and the session, whose journal is not fsynced either, starts afresh anyway.
 */
export class FileArtifactStore implements ArtifactStore {
  private readonly folders = new Map<string, Promise<Folder>>();
  /** Sessions whose leftovers of an earlier process are gone; temporary files seen later are uploads under way. */
  private readonly tidied = new Set<string>();

  constructor(
    private readonly root: string,
    private readonly fs: FileSystem = nodeFileSystem,
  ) {}

  async has(key: ArtifactKey): Promise<boolean> {
    return (await this.folderOf(key.sessionId)).entries.has(entryName(key));
  }

  async bytesOf(key: ArtifactKey): Promise<number | null> {
    const folder = await this.folderOf(key.sessionId);
    const name = entryName(key);
    const known = folder.entries.get(name);
    if (known === undefined || known !== null) return known ?? null;
    try {
      const { size } = await this.fs.stat(`${folder.path}/${name}`);
      folder.entries.set(name, size);
      return size;
    } catch (thrown) {
      if (isNotFound(thrown)) return null;
      throw thrown;
    }
  }

  async put(key: ArtifactKey, body: Readable, options: PutOptions): Promise<number> {
    checkAnnounced(key, options);
    const folder = await this.folderOf(key.sessionId);
    const name = entryName(key);
    if (folder.entries.has(name)) throw alreadyStored(key);
    const temp = `${folder.path}/${tempName()}`;
    let bytes: number;
    try {
      bytes = await this.receive(temp, key, body, options);
      await this.commit(folder, name, temp, bytes, key);
    } catch (thrown) {
      await this.fs.rm(temp, { force: true });
      throw diskError(thrown, `the artifact for ${describeKey(key)}`, folder.path);
    }
    return bytes;
  }

  async get(key: ArtifactKey): Promise<StoredArtifact | null> {
    const folder = await this.folderOf(key.sessionId);
    const name = entryName(key);
    const knownBytes = folder.entries.get(name);
    if (knownBytes === undefined) return null;
    try {
      return await this.read(`${folder.path}/${name}`, knownBytes, (bytes) =>
        folder.entries.set(name, bytes),
      );
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
      // Somebody tidied up by hand. Say so from now on, and let the task run again.
      folder.entries.delete(name);
      return null;
    }
  }

  async deleteSession(sessionId: string): Promise<void> {
    this.folders.delete(sessionId);
    this.tidied.delete(sessionId);
    await this.fs.rm(this.pathOf(sessionId), { recursive: true, force: true });
  }

  unloadSession(sessionId: string): void {
    this.folders.delete(sessionId);
  }

  private async receive(
    temp: string,
    key: ArtifactKey,
    body: Readable,
    options: PutOptions,
  ): Promise<number> {
    let handle: FileHandle | null = null;
    let bytes = 0;
    try {
      for await (const { chunks, last } of uploadPieces(key, body, options)) {
        const piece = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
        bytes += piece.length;
        if (last && handle === null) await this.fs.writeFile(temp, piece, { flag: 'wx', mode: 0o600 });
        else if (piece.length > 0) {
          handle ??= await this.fs.open(temp, 'wx', 0o600);
          await handle.writeFile(piece);
        }
      }
    } finally {
      if (handle !== null) await handle.close();
    }
    return bytes;
  }

  private async commit(
    folder: Folder,
    name: string,
    temp: string,
    bytes: number,
    key: ArtifactKey,
  ): Promise<void> {
    let other = folder.committing.get(name);
    while (other !== undefined) {
      await other;
      other = folder.committing.get(name);
    }
    if (folder.entries.has(name)) throw alreadyStored(key);
    const renamed = this.fs.rename(temp, `${folder.path}/${name}`);
    folder.committing.set(
      name,
      renamed.catch(() => undefined),
    );
    try {
      await renamed;
      folder.entries.set(name, bytes);
    } finally {
      folder.committing.delete(name);
    }
  }

  private async read(
    path: string,
    knownBytes: number | null,
    learn: (bytes: number) => void,
  ): Promise<StoredArtifact> {
    if (knownBytes !== null && knownBytes <= SMALL_BYTES) {
      const body = await this.fs.readFile(path);
      return { bytes: body.length, body };
    }
    const handle = await this.fs.open(path, 'r');
    try {
      const bytes = (await handle.stat()).size;
      learn(bytes);
      // `end` keeps Content-Length true whatever happens to the file; an empty file has no last byte to name.
      if (bytes === 0) {
        await handle.close();
        return { bytes, body: Buffer.alloc(0) };
      }
      return { bytes, body: handle.createReadStream({ end: bytes - 1, highWaterMark: SMALL_BYTES }) };
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  private folderOf(sessionId: string): Promise<Folder> {
    const known = this.folders.get(sessionId);
    if (known !== undefined) return known;
    const opening = this.openFolder(sessionId);
    this.folders.set(sessionId, opening);
    opening.catch(() => this.folders.delete(sessionId));
    return opening;
  }

  private async openFolder(sessionId: string): Promise<Folder> {
    const path = this.pathOf(sessionId);
    try {
      await this.fs.mkdir(path, { recursive: true });
    } catch (thrown) {
      throw diskError(thrown, `session ${sessionId}`, path);
    }
    const entries = new Map<string, number | null>();
    for (const name of await this.fs.readdir(path)) {
      if (!name.startsWith(TEMP_PREFIX)) entries.set(name, null);
      else if (!this.tidied.has(sessionId)) await this.fs.rm(`${path}/${name}`, { force: true });
    }
    this.tidied.add(sessionId);
    return { path, entries, committing: new Map() };
  }

  private readonly pathOf = (sessionId: string): string => `${this.root}/${sessionId}/artifacts`;
}
