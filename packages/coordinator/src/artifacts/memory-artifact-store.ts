import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { ArtifactKey, ArtifactStore, PutOptions, Receipt, StoredArtifact } from './artifact-store';
import { entryName } from './entry-name';
import { alreadyStored, checkAnnounced, ReceiptMaker, uploadPieces } from './upload';

interface Entry {
  readonly content: Buffer;
  readonly sha256: string;
}

/** Keeps artifacts in memory; for specs and for very small coordinators. */
export class MemoryArtifactStore implements ArtifactStore {
  private readonly sessions = new Map<string, Map<string, Entry>>();

  has(key: ArtifactKey): Promise<boolean> {
    return Promise.resolve(this.entriesOf(key.sessionId).has(entryName(key)));
  }

  bytesOf(key: ArtifactKey): Promise<number | null> {
    return Promise.resolve(this.entriesOf(key.sessionId).get(entryName(key))?.content.length ?? null);
  }

  async put(key: ArtifactKey, body: Readable, options: PutOptions): Promise<Receipt> {
    checkAnnounced(key, options);
    if (await this.has(key)) throw alreadyStored(key);
    const chunks: Buffer[] = [];
    const maker = new ReceiptMaker();
    for await (const piece of uploadPieces(key, body, options)) {
      await maker.add(piece.chunks, piece.last);
      chunks.push(...piece.chunks);
    }
    const receipt = await maker.finish(key, options, () => Promise.resolve(null));
    const entries = this.entriesOf(key.sessionId);
    // Checked again, synchronously with the decision: another upload may have been faster.
    if (entries.has(entryName(key))) throw alreadyStored(key);
    entries.set(entryName(key), { content: Buffer.concat(chunks), sha256: receipt.sha256 });
    return receipt;
  }

  get(key: ArtifactKey): Promise<StoredArtifact | null> {
    const entry = this.entriesOf(key.sessionId).get(entryName(key));
    if (entry === undefined) return Promise.resolve(null);
    const { content, sha256 } = entry;
    return Promise.resolve({ bytes: content.length, sha256, body: content });
  }

  check(key: ArtifactKey): Promise<'good' | 'removed' | 'absent'> {
    const entries = this.entriesOf(key.sessionId);
    const entry = entries.get(entryName(key));
    if (entry === undefined) return Promise.resolve('absent');
    if (createHash('sha256').update(entry.content).digest('hex') === entry.sha256)
      return Promise.resolve('good');
    entries.delete(entryName(key));
    return Promise.resolve('removed');
  }

  deleteSession(sessionId: string): Promise<void> {
    this.sessions.delete(sessionId);
    return Promise.resolve();
  }

  /** Does nothing, because everything is only in memory. */
  unloadSession(): void {
    // see above
  }

  private entriesOf(sessionId: string): Map<string, Entry> {
    const known = this.sessions.get(sessionId);
    if (known !== undefined) return known;
    const fresh = new Map<string, Entry>();
    this.sessions.set(sessionId, fresh);
    return fresh;
  }
}
