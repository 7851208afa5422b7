import { appendFile, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDataFolder } from '../data-folder/data-folder';

export interface AppendedFileOptions {
  readonly dataDir: string;
  /** Below the data folder. */
  readonly path: string;
  /** What would make it longer is left out. */
  readonly maxBytes: number;
  readonly onFailed: (error: unknown) => void;
}

/** How long what is written waits for more: each write costs half a millisecond. Not configurable: readers look some times a second at most. */
const TOGETHER_MS = 50;

/**
 * A file that several commands of one job append to. Writing is in the background and never fails a command: the first error is
 * reported, and nothing is written after it.
 */
export class AppendedFile {
  private waiting: string[] = [];
  private bytes: number | null = null;
  private writing: Promise<void> | null = null;
  private broken = false;
  /** Called to write at once what waits for more. */
  private hurry: (() => void) | null = null;
  private isFlushing = false;

  constructor(private readonly options: AppendedFileOptions) {}

  write(text: string): void {
    if (this.broken) return;
    this.waiting.push(text);
    this.writing ??= this.drain();
  }

  /** Resolves when everything written so far is in the file, or never will be. */
  async flush(): Promise<void> {
    this.isFlushing = true;
    this.hurry?.();
    while (this.writing !== null) await this.writing;
    this.isFlushing = false;
  }

  private async drain(): Promise<void> {
    try {
      while (this.waiting.length > 0) {
        await this.more();
        const text = this.waiting.join('');
        this.waiting = [];
        await this.append(text);
      }
    } catch (thrown) {
      this.broken = true;
      this.waiting = [];
      this.options.onFailed(thrown);
    } finally {
      this.writing = null;
    }
  }

  private async more(): Promise<void> {
    if (this.isFlushing) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TOGETHER_MS);
      this.hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.hurry = null;
  }

  private async append(text: string): Promise<void> {
    const { dataDir, path, maxBytes } = this.options;
    if (this.bytes === null) {
      makeDataFolder(dataDir);
      await mkdir(dirname(path), { recursive: true });
      this.bytes = await sizeOf(path);
    }
    this.bytes += Buffer.byteLength(text);
    if (this.bytes <= maxBytes) await appendFile(path, text, { mode: 0o600 });
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );
