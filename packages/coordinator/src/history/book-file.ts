import { writeFileAtomically } from '../files/atomic-write';
import { diskError, type FileSystem, isNotFound } from '../files/file-system';
import type { Book, BookFormat } from './book';

export interface BookFileOptions {
  readonly root: string;
  readonly project: string;
  readonly fs: FileSystem;
  readonly onDamage: (message: string) => void;
}

/** A file is rewritten when it has this many times the lines that it needs, and some more. The limit is the one of its book. */
const SLACK = 2;
/** Lines in addition, so that a short file is not rewritten all the time. */
const MORE_LINES = 1_000;

/** The history of one project, on disk and in memory. One call at a time. */
export class BookFile<B extends Book<News, Line>, News extends { readonly atMs: number }, Line> {
  private book: B;
  private lines = 0;
  /** Number of bytes that are in the book; if the file has another size, another coordinator has written to it. */
  private bytes = 0;
  /** Its last line is incomplete: the writer crashed, or the copy is incomplete. */
  private torn = false;
  private complained = false;

  constructor(
    private readonly format: BookFormat<B, News, Line>,
    private readonly options: BookFileOptions,
  ) {
    this.book = format.create();
  }

  async append(news: readonly News[]): Promise<void> {
    const { fs, root } = this.options;
    await this.catchUp();
    const lines = this.book.take(news);
    if (lines.length === 0) return;
    const text = `${this.torn ? '\n' : ''}${this.format.text(lines)}`;
    try {
      await fs.mkdir(root, { recursive: true });
      await fs.writeFile(this.path, text, { flag: 'a', mode: 0o600 });
      this.torn = false;
      this.bytes += Buffer.byteLength(text);
      this.lines += lines.length;
      if (this.lines > SLACK * this.book.size + MORE_LINES) await this.compact(news.at(-1)?.atMs ?? 0);
    } catch (thrown) {
      throw diskError(thrown, this.format.what, root);
    }
  }

  /** The book as the file has it now. It changes with the next call. */
  async read(): Promise<B> {
    await this.catchUp();
    return this.book;
  }

  private get name(): string {
    return `${this.options.project}${this.format.suffix}`;
  }

  private get path(): string {
    return `${this.options.root}/${this.name}`;
  }

  /** Keeps only what is still useful. Lines that another coordinator adds between the two steps are lost. */
  private async compact(nowMs: number): Promise<void> {
    const { fs, root } = this.options;
    this.book.expire(nowMs);
    const lines = this.book.lines();
    const text = this.format.text(lines);
    await writeFileAtomically(fs, root, this.name, text);
    this.lines = lines.length;
    this.bytes = Buffer.byteLength(text);
  }

  private async catchUp(): Promise<void> {
    const size = await this.sizeOnDisk();
    if (size === this.bytes) return;
    const { fs } = this.options;
    this.book = this.format.create();
    this.bytes = size;
    this.lines = 0;
    this.torn = false;
    if (size > this.format.maxBytes * SLACK) {
      this.complain(
        `${this.path} has ${size} bytes, far more than the limit ${this.format.limit} allows; a new file is started.`,
      );
      await fs.rm(this.path, { force: true });
      this.bytes = 0;
      return;
    }
    const text = size === 0 ? '' : (await fs.readFile(this.path)).toString('utf8');
    const { lines, damaged } = this.format.parse(text);
    for (const line of lines) this.book.load(line);
    this.lines = lines.length + damaged;
    this.torn = text !== '' && !text.endsWith('\n');
    if (damaged > 0) this.complain(`${damaged} lines of ${this.path} are damaged and were skipped.`);
  }

  /** Once: a file that others write is read again and again. */
  private complain(message: string): void {
    if (!this.complained) this.options.onDamage(message);
    this.complained = true;
  }

  private async sizeOnDisk(): Promise<number> {
    try {
      return (await this.options.fs.stat(this.path)).size;
    } catch (thrown) {
      if (isNotFound(thrown)) return 0;
      throw thrown;
    }
  }
}
