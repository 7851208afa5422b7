import type { StoredArtifact } from './artifact-store';

/** Of all that is kept, in bytes. Not configurable: what the agents of one task's dependants ask for within seconds. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Larger ones are read from their files: opening one takes as long as copying this many bytes. */
const MOST_OF_ONE_BYTES = 16 * 1024;

/**
 * The small artifacts that were stored last, by path: those who depend on a task ask for its result soon after it was stored. A path has the digest
 * of its content, with which these bytes were compared: so there is nothing that could be out of date.
 */
export class RecentContents {
  private readonly contents = new Map<string, StoredArtifact>();
  private bytes = 0;

  constructor(private readonly mostBytes = MOST_BYTES) {}

  keep(path: string, content: Buffer, sha256: string): void {
    if (content.length > MOST_OF_ONE_BYTES || this.contents.has(path)) return;
    // Its own copy: the memory that it arrived in may be much larger.
    this.contents.set(path, { bytes: content.length, sha256, body: Buffer.from(content) });
    this.bytes += content.length;
    for (const [oldest, { bytes }] of this.contents) {
      if (this.bytes <= this.mostBytes) break;
      this.contents.delete(oldest);
      this.bytes -= bytes;
    }
  }

  get(path: string): StoredArtifact | null {
    return this.contents.get(path) ?? null;
  }
}
