import type { OpenFile } from './open-file';

/**
 * A new file that is written piece by piece. One piece is written while the next one arrives and is hashed: on a busy machine, each
 * wait for the disk costs a turn. Pieces are written as they are, without a copy.
 */
export class GrowingFile {
  private file: OpenFile | null = null;
  private writing: Promise<void> | null = null;

  constructor(
    private readonly open: () => OpenFile | Promise<OpenFile>,
    private readonly remove: () => Promise<void>,
  ) {}

  /** Has something been appended? */
  get isOpen(): boolean {
    return this.file !== null;
  }

  /** Resolves when the piece before this one is written. */
  async append(chunks: readonly Buffer[]): Promise<void> {
    this.file ??= await this.open();
    await this.writing;
    this.writing = this.file.append(chunks) ?? null;
    // Of a failed one, the next wait learns.
    this.writing?.catch(() => undefined);
  }

  /** Resolves when everything is written. */
  async end(): Promise<void> {
    const { file, writing } = this;
    try {
      await writing;
    } finally {
      this.file = null;
      await file?.close();
    }
  }

  /** Removes the file. */
  async abandon(): Promise<void> {
    await this.end().catch(() => undefined);
    await this.remove();
  }
}
