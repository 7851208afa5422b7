import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { writeFileAtomically } from '../files/atomic-write';
import { diskError, type FileSystem, isNotFound, nodeFileSystem } from '../files/file-system';
import type { Journal, JournalEntry, JournalHeader, JournalStore } from './journal';
import { entryLines, headerLine, parseEntry, parseHeader } from './journal-lines';

const FILE = 'journal.jsonl';
/** The byte that ends a line. */
const NEWLINE = 0x0a;
/** A buffer size: journals and their lines may be longer. */
const READ_BYTES = 1024 * 1024;

export interface FileJournalOptions {
  readonly fs?: FileSystem;
  /**
   * True: fsync before an append resolves, which survives a crash of the machine and costs some milliseconds each time.
   * Default false: survives a crash of the process, because the kernel has the data.
   */
  readonly fsync?: boolean;
}

/** Journals as JSONL files: `<root>/<sessionId>/journal.jsonl`, the header in the first line. */
export class FileJournalStore implements JournalStore {
  private readonly fs: FileSystem;
  private readonly fsync: boolean;

  constructor(
    private readonly root: string,
    { fs = nodeFileSystem, fsync = false }: FileJournalOptions = {},
  ) {
    this.fs = fs;
    this.fsync = fsync;
  }

  /** @throws DteError DTE_JOURNAL_CORRUPT, DTE_DISK_FULL */
  async open(header: JournalHeader): Promise<Journal> {
    const folder = `${this.root}/${header.sessionId}`;
    const path = `${folder}/${FILE}`;
    try {
      await this.fs.mkdir(folder, { recursive: true });
      const handle = await this.openOrBegin(folder, path, header);
      const { size } = await handle.stat();
      return await FileJournal.open(handle, path, size, this.fsync);
    } catch (thrown) {
      throw diskError(thrown, `the journal of session ${header.sessionId}`, folder);
    }
  }

  private async openOrBegin(folder: string, path: string, header: JournalHeader): Promise<FileHandle> {
    const flags = constants.O_RDWR | constants.O_APPEND;
    try {
      return await this.fs.open(path, flags);
    } catch (thrown) {
      if (!isNotFound(thrown)) throw thrown;
      // Header and folder at once: a journal without a header is never visible.
      await writeFileAtomically(this.fs, folder, FILE, headerLine(header));
      return this.fs.open(path, flags);
    }
  }
}

interface OpenJournal {
  readonly header: JournalHeader;
  readonly handle: FileHandle;
  readonly path: string;
  /** End of the first line. */
  readonly headerEnd: number;
  /** End of the last complete line. */
  readonly end: number;
  readonly fsync: boolean;
}

class FileJournal implements Journal {
  readonly header: JournalHeader;
  private end: number;
  /** Set if a failed append could not be undone: everything after it would be unreadable. */
  private torn = false;

  private constructor(private readonly file: OpenJournal) {
    this.header = file.header;
    this.end = file.end;
  }

  static async open(handle: FileHandle, path: string, size: number, fsync: boolean): Promise<FileJournal> {
    try {
      for await (const line of linesOf(handle, 0, size)) {
        const end = await cutTornLine(handle, size);
        const header = parseHeader(line.text, path);
        return new FileJournal({ header, handle, path, headerEnd: line.end, end, fsync });
      }
      // No complete first line: the parser reports it like any other damage.
      parseHeader('', path);
      throw new Error('unreachable');
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  async *replay(): AsyncGenerator<JournalEntry, void, undefined> {
    const { handle, headerEnd, path } = this.file;
    let lineNumber = 1;
    for await (const line of linesOf(handle, headerEnd, this.end)) {
      lineNumber += 1;
      yield parseEntry(line.text, path, lineNumber);
    }
  }

  async append(entries: readonly JournalEntry[]): Promise<void> {
    const { handle, fsync, path } = this.file;
    const bytes = entryLines(entries);
    try {
      if (this.torn) await this.takeBack();
      // One write for all of them; `writeFile` on a handle continues after a short write.
      await handle.writeFile(bytes);
      if (fsync) await handle.datasync();
      this.end += bytes.length;
    } catch (thrown) {
      this.torn = true;
      await this.takeBack().catch(() => undefined);
      throw diskError(thrown, 'the journal', path);
    }
  }

  close(): Promise<void> {
    return this.file.handle.close();
  }

  /** Removes the remains of a failed append. */
  private async takeBack(): Promise<void> {
    await this.file.handle.truncate(this.end);
    this.torn = false;
  }
}

/** Complete lines between two offsets; text after the last newline is not a line. */
async function* linesOf(
  handle: FileHandle,
  from: number,
  to: number,
): AsyncGenerator<{ readonly text: string; readonly end: number }, void, undefined> {
  let rest = Buffer.alloc(0);
  let position = from;
  while (position < to) {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(Math.min(READ_BYTES, to - position)), {
      position,
    });
    if (bytesRead === 0) return;
    const restStart = position - rest.length;
    const block: Buffer =
      rest.length === 0
        ? buffer.subarray(0, bytesRead)
        : Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    let start = 0;
    for (let at = block.indexOf(NEWLINE); at !== -1; at = block.indexOf(NEWLINE, start)) {
      yield { text: block.toString('utf8', start, at), end: restStart + at + 1 };
      start = at + 1;
    }
    rest = Buffer.from(block.subarray(start));
    position += bytesRead;
  }
}

/** A process that crashed while writing leaves an incomplete last line. It never had an effect, so it is removed. */
async function cutTornLine(handle: FileHandle, size: number): Promise<number> {
  let end = size;
  while (end > 0) {
    const from = Math.max(0, end - READ_BYTES);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(end - from), { position: from });
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (newline !== -1) {
      if (from + newline + 1 < size) await handle.truncate(from + newline + 1);
      return from + newline + 1;
    }
    end = from;
  }
  return 0;
}
