import type { Readable } from 'node:stream';
import type { ArtifactKey, ArtifactStore, PutOptions, StoredArtifact } from './artifact-store';
import { entryName } from './entry-name';
import { alreadyStored, checkAnnounced, uploadPieces } from './upload';

/** Keeps artifacts in memory; for specs and for a coordinator that serves toys. */
export class MemoryArtifactStore implements ArtifactStore {
  private readonly sessions = new Map<string, Map<string, Buffer>>();

  has(key: ArtifactKey): Promise<boolean> {
    return Promise.resolve(this.entriesOf(key.sessionId).has(entryName(key)));
  }

  bytesOf(key: ArtifactKey): Promise<number | null> {
    return Promise.resolve(this.entriesOf(key.sessionId).get(entryName(key))?.length ?? null);
  }

  async put(key: ArtifactKey, body: Readable, options: PutOptions): Promise<number> {
    checkAnnounced(key, options);
    if (await this.has(key)) throw alreadyStored(key);
    const chunks: Buffer[] = [];
    for await (const piece of uploadPieces(key, body, options)) chunks.push(...piece.chunks);
    const entries = this.entriesOf(key.sessionId);
    // Looked at again, and in one go with the decision: another upload may have been faster.
    if (entries.has(entryName(key))) throw alreadyStored(key);
    const bytes = Buffer.concat(chunks);
    entries.set(entryName(key), bytes);
    return bytes.length;
  }

  get(key: ArtifactKey): Promise<StoredArtifact | null> {
    const bytes = this.entriesOf(key.sessionId).get(entryName(key));
    return Promise.resolve(bytes === undefined ? null : { bytes: bytes.length, body: bytes });
  }

  deleteSession(sessionId: string): Promise<void> {
    this.sessions.delete(sessionId);
    return Promise.resolve();
  }

  /** Does nothing: memory is all there is. */
  unloadSession(): void {
    // see above
  }

  private entriesOf(sessionId: string): Map<string, Buffer> {
    const known = this.sessions.get(sessionId);
    if (known !== undefined) return known;
    const fresh = new Map<string, Buffer>();
    this.sessions.set(sessionId, fresh);
    return fresh;
  }
}
