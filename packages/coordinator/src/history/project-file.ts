import type { FlakyTask } from '@org/dte-protocol';
import { writeFileAtomically } from '../files/atomic-write';
import { diskError, type FileSystem, isNotFound } from '../files/file-system';
import { EvidenceBook, type HistoryLimits } from './evidence-book';
import { evidenceLines, parseEvidence } from './evidence-lines';
import type { Evidence } from './history';

export interface ProjectFileOptions {
  readonly root: string;
  readonly project: string;
  readonly limits: HistoryLimits;
  readonly fs: FileSystem;
  readonly onDamage: (message: string) => void;
}

/** A file is rewritten when it has this many times the lines that it needs, and some more. The limit is `historyEntries`. */
const SLACK = 2;
/** Lines in addition, so that a short file is not rewritten all the time. */
const MORE_LINES = 1_000;
/** A line has about 150 bytes. A file far above what `historyEntries` allows was not written by dte. A part of that limit. */
const MAX_LINE_BYTES = 2_500;

/** The history of one project, on disk and in memory. One call at a time. */
export class ProjectFile {
  private book: EvidenceBook;
  private lines = 0;
  /** Number of bytes that are in the book; if the file has another size, another coordinator has written to it. */
  private bytes = 0;
  /** Its last line is incomplete: the writer crashed, or the copy is incomplete. */
  private torn = false;

  constructor(private readonly options: ProjectFileOptions) {
    this.book = new EvidenceBook(options.limits);
  }

  async append(evidence: readonly Evidence[]): Promise<void> {
    const { fs, root } = this.options;
    await this.catchUp();
    const news = evidence.filter((each) => this.book.add(each));
    if (news.length === 0) return;
    const text = `${this.torn ? '\n' : ''}${evidenceLines(news)}`;
    try {
      await fs.mkdir(root, { recursive: true });
      await fs.writeFile(this.path, text, { flag: 'a', mode: 0o600 });
      this.torn = false;
      this.bytes += Buffer.byteLength(text);
      this.lines += news.length;
      if (this.lines > SLACK * this.book.size + MORE_LINES) await this.compact(news.at(-1)?.atMs ?? 0);
    } catch (thrown) {
      throw diskError(thrown, 'the history of flaky tasks', root);
    }
  }

  async flaky(nowMs: number): Promise<readonly FlakyTask[]> {
    await this.catchUp();
    return this.book.flaky(nowMs);
  }

  private get path(): string {
    return `${this.options.root}/${this.options.project}.ndjson`;
  }

  /** Keeps only what is still useful. Lines that another coordinator adds between the two steps are lost. */
  private async compact(nowMs: number): Promise<void> {
    const { fs, root, project } = this.options;
    this.book.expire(nowMs);
    const evidence = this.book.evidence();
    const text = evidenceLines(evidence);
    await writeFileAtomically(fs, root, `${project}.ndjson`, text);
    this.lines = evidence.length;
    this.bytes = Buffer.byteLength(text);
  }

  private async catchUp(): Promise<void> {
    const size = await this.sizeOnDisk();
    if (size === this.bytes) return;
    const { fs, limits, onDamage } = this.options;
    this.book = new EvidenceBook(limits);
    this.bytes = size;
    this.lines = 0;
    this.torn = false;
    if (size > limits.historyEntries * MAX_LINE_BYTES * SLACK) {
      onDamage(
        `${this.path} has ${size} bytes, far more than the limit historyEntries allows; a new file is started.`,
      );
      await fs.rm(this.path, { force: true });
      this.bytes = 0;
      return;
    }
    const text = size === 0 ? '' : (await fs.readFile(this.path)).toString('utf8');
    const { evidence, damaged } = parseEvidence(text);
    for (const each of evidence) this.book.add(each);
    this.lines = evidence.length + damaged;
    this.torn = text !== '' && !text.endsWith('\n');
    if (damaged > 0) onDamage(`${damaged} lines of ${this.path} are damaged and were skipped.`);
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
