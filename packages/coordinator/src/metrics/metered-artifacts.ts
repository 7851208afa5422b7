import type { Readable } from 'node:stream';
import type {
  ArtifactKey,
  ArtifactStore,
  PutOptions,
  Receipt,
  StoredArtifact,
} from '../artifacts/artifact-store';
import type { Meter } from './meter';

/** Counts what clients ask and transfer. */
export class MeteredArtifacts implements ArtifactStore {
  constructor(
    private readonly inner: ArtifactStore,
    private readonly meter: Meter,
  ) {}

  async has(key: ArtifactKey): Promise<boolean> {
    const isHit = await this.inner.has(key);
    this.meter.looked(isHit);
    return isHit;
  }

  async bytesOf(key: ArtifactKey): Promise<number | null> {
    const bytes = await this.inner.bytesOf(key);
    this.meter.looked(bytes !== null);
    return bytes;
  }

  async put(key: ArtifactKey, body: Readable, options: PutOptions): Promise<Receipt> {
    const receipt = await this.inner.put(key, body, options);
    this.meter.transferred('received', receipt.bytes);
    return receipt;
  }

  async get(key: ArtifactKey): Promise<StoredArtifact | null> {
    const found = await this.inner.get(key);
    if (found !== null) this.meter.transferred('sent', found.bytes);
    return found;
  }

  check(key: ArtifactKey): Promise<'good' | 'removed' | 'absent'> {
    return this.inner.check(key);
  }

  deleteSession(sessionId: string): Promise<void> {
    return this.inner.deleteSession(sessionId);
  }

  unloadSession(sessionId: string): void {
    this.inner.unloadSession(sessionId);
  }
}
