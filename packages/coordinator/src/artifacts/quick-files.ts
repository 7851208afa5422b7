import * as fs from 'node:fs';
import { SMALL_BYTES, type StoredArtifact } from './artifact-store';
import { FileBody } from './file-body';
import { type DescriptorCalls, QuickFile } from './open-file';

/** The blocking calls of `node:fs` that are used. */
export type BlockingCalls = DescriptorCalls &
  Pick<typeof fs, 'openSync' | 'writeFileSync' | 'renameSync' | 'rmSync'>;

/**
 * Milliseconds of one operation, on average, above which the thread pool is used instead. Not configurable: from memory, which is
 * the usual case, an operation takes a tenth of a millisecond, and agents that wait for a heartbeat notice nothing below this.
 */
const SLOW_MS = 2;

/** Weight of the latest operation in the average: the scheduler of a busy machine makes one of many slow, a slow disk makes all. */
const WEIGHT = 1 / 16;

/** After a slow one, the disk rests for this many times as long, so that the process waits for it for 5 % of its time at most. */
const REST_FACTOR = 20;

/** And for at least this long, in ms: afterwards, a few operations show whether it is still slow. */
const LEAST_REST_MS = 250;

/**
 * Reads and writes small files in one go, with blocking calls. The thread pool would take several turns for each file, each of
 * which costs more than the work, and waits in line on a busy machine. All that the process does waits meanwhile: so a disk that
 * is slow is not used this way until it has rested (`isReady`).
 */
export class QuickFiles {
  private meanMs = 0;
  private restsUntilMs = -Infinity;

  constructor(
    private readonly calls: BlockingCalls = fs,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** False: use the thread pool now. */
  get isReady(): boolean {
    return this.now() >= this.restsUntilMs;
  }

  /** Writes `temp` and renames it to `path`; after an error, neither exists. */
  store(temp: string, path: string, content: Buffer): void {
    this.timed(() => {
      try {
        this.calls.writeFileSync(temp, content, { flag: 'wx', mode: 0o600 });
        this.calls.renameSync(temp, path);
      } catch (thrown) {
        this.calls.rmSync(temp, { force: true });
        throw thrown;
      }
    });
  }

  /** The content of a file that should have `bytes`: less if it is shorter, null if it is longer. */
  read(path: string, bytes: number): Buffer | null {
    return this.timed(() => {
      const fd = this.calls.openSync(path, 'r');
      try {
        // One more: a file that has grown shows.
        const content = Buffer.allocUnsafe(bytes + 1);
        let got = 0;
        for (;;) {
          const more = this.calls.readSync(fd, content, got, content.length - got, null);
          got += more;
          if (got > bytes) return null;
          // A read of a file returns less than it was asked for at its end only: there it is not asked again.
          if (more === 0 || got === bytes) return content.subarray(0, got);
        }
      } finally {
        this.calls.closeSync(fd);
      }
    });
  }

  /** An artifact of this size; null: not now, or the file is not as it should be. */
  get(path: string, bytes: number, sha256: string): StoredArtifact | null {
    if (!this.isReady) return null;
    try {
      if (bytes <= SMALL_BYTES) {
        const body = this.read(path, bytes);
        return body?.length === bytes ? { bytes, sha256, body } : null;
      }
      const file = this.open(path, 'r');
      if (file.size() === bytes) return { bytes, sha256, body: new FileBody(file, bytes) };
      void file.close();
      return null;
    } catch {
      return null;
    }
  }

  /** A file of any size. Whether its calls block is decided anew for each. */
  open(path: string, flags: 'r' | 'wx'): QuickFile {
    const fd = this.timed(() => this.calls.openSync(path, flags, 0o600));
    return new QuickFile(fd, this.calls, (work) => (this.isReady ? { done: this.timed(work) } : null));
  }

  rename(from: string, to: string): void {
    this.timed(() => this.calls.renameSync(from, to));
  }

  private timed<T>(work: () => T): T {
    const startMs = this.now();
    try {
      return work();
    } finally {
      const endMs = this.now();
      this.meanMs += (endMs - startMs - this.meanMs) * WEIGHT;
      if (this.meanMs > SLOW_MS) {
        this.restsUntilMs = endMs + Math.max(LEAST_REST_MS, (endMs - startMs) * REST_FACTOR);
        this.meanMs = SLOW_MS / 2;
      }
    }
  }
}
