import { LIMITS } from '@org/dte-protocol';
import { type FileSystem, nodeFileSystem } from '../files/file-system';
import type { Book, BookFormat } from './book';
import { BookFile } from './book-file';

export interface HistoryFileOptions {
  readonly fs?: FileSystem;
  /** Called with the number of skipped lines of a file, and when a file is started again. */
  readonly onDamage?: (message: string) => void;
}

/** News of one project that wait for the disk. No limit that somebody has to know: what is above it is not learnt, this time. */
const MOST_WAITING = 100_000;

/** A write that has not begun: what comes meanwhile joins it. */
interface Queued<News> {
  readonly news: News[];
  readonly done: Promise<void>;
}

/** Books as files of lines, one for each project, in one folder. Several coordinators may write to one file. */
export class BookFiles<B extends Book<News, Line>, News extends { readonly atMs: number }, Line> {
  private readonly projects = new Map<string, BookFile<B, News, Line>>();
  private readonly busy = new Map<string, Promise<unknown>>();
  private readonly queued = new Map<string, Queued<News>>();

  constructor(
    private readonly root: string,
    private readonly format: BookFormat<B, News, Line>,
    private readonly options: HistoryFileOptions = {},
  ) {}

  /** @throws DteError DTE_DISK_FULL, or the error of the disk */
  append(project: string, news: readonly News[]): Promise<void> {
    const waiting = this.queued.get(project);
    if (waiting !== undefined) {
      waiting.news.push(...news.slice(0, Math.max(0, MOST_WAITING - waiting.news.length)));
      return waiting.done;
    }
    const all = [...news];
    const done = this.inTurn(project, (file) => {
      this.queued.delete(project);
      return file.append(all);
    });
    this.queued.set(project, { news: all, done });
    return done;
  }

  /** @param ask must take from the book what it needs before it returns */
  read<T>(project: string, ask: (book: B) => T): Promise<T> {
    return this.inTurn(project, async (file) => ask(await file.read()));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.busy.values());
  }

  /** One operation at a time on each file. */
  private async inTurn<T>(project: string, work: (file: BookFile<B, News, Line>) => Promise<T>): Promise<T> {
    const before = this.busy.get(project) ?? Promise.resolve();
    const file = this.fileOf(project);
    const turn = before.then(
      () => work(file),
      () => work(file),
    );
    this.busy.set(project, turn);
    try {
      return await turn;
    } finally {
      if (this.busy.get(project) === turn) this.busy.delete(project);
    }
  }

  private fileOf(project: string): BookFile<B, News, Line> {
    const { fs = nodeFileSystem, onDamage = () => undefined } = this.options;
    const file =
      this.projects.get(project) ?? new BookFile(this.format, { root: this.root, project, fs, onDamage });
    // Least recently used first; a file in use stays.
    this.projects.delete(project);
    for (const known of this.projects.keys()) {
      if (this.projects.size < LIMITS.historyProjects.value) break;
      if (!this.busy.has(known)) this.projects.delete(known);
    }
    this.projects.set(project, file);
    return file;
  }
}
