import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { diskError, type FileSystem, isNotFound, nodeFileSystem } from '../files/file-system';
import { damagedSnapshot, entriesStart, readSnapshot, syncFolder, writeCompacted } from './compacted-file';
import type { Journal, JournalEntry, JournalHeader, JournalStore, Snapshot } from './journal';
import { entryLines, firstLine, parseEntry, parseFirstLine, type SnapshotFacts } from './journal-lines';

const FILE = 'journal.jsonl';
/** A new or compacted journal before it is renamed to the journal; a leftover one is from a process that crashed. */
const NEXT_FILE = `${FILE}.next`;
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

/**
 * Journals as JSONL files: `<root>/<sessionId>/journal.jsonl`, the header in the first line. In a journal that was compacted,
 * the bytes of the snapshot follow, and then the lines of what was appended since.
 */
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
      await this.fs.rm(`${folder}/${NEXT_FILE}`, { force: true });
      const handle = await this.openOrBegin(folder, path, header);
      return await FileJournal.open({ fs: this.fs, folder, path, fsync: this.fsync }, handle);
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
      await this.fs.writeFile(`${folder}/${NEXT_FILE}`, firstLine({ header, snapshot: null }), {
        mode: 0o600,
      });
      await this.fs.rename(`${folder}/${NEXT_FILE}`, path);
      return this.fs.open(path, flags);
    }
  }
}

interface Place {
  readonly fs: FileSystem;
  readonly folder: string;
  readonly path: string;
  readonly fsync: boolean;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly firstLineEnd: number;
  readonly snapshot: SnapshotFacts | null;
}

class FileJournal implements Journal {
  /** End of the last complete line. */
  private end: number;
  /** Set if a failed append could not be undone: everything after it would be unreadable. */
  private torn = false;
  /** A crash of the machine may still undo that the file was made or renamed. */
  private folderIsUnsynced: boolean;

  private constructor(
    readonly header: JournalHeader,
    private readonly place: Place,
    private file: OpenFile,
    end: number,
  ) {
    this.end = end;
    this.folderIsUnsynced = place.fsync;
  }

  static async open(place: Place, handle: FileHandle): Promise<FileJournal> {
    const { path } = place;
    try {
      const { size } = await handle.stat();
      for await (const line of linesOf(handle, 0, size)) {
        const { header, snapshot } = parseFirstLine(line.text, path);
        const start = entriesStart(line.end, snapshot);
        if (start > size) throw damagedSnapshot(path);
        const end = Math.max(start, await cutTornLine(handle, size));
        return new FileJournal(header, place, { handle, firstLineEnd: line.end, snapshot }, end);
      }
      // No complete first line: parsing it says so in the words of any other damage.
      parseFirstLine('', path);
      throw new Error('unreachable');
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  get size(): Journal['size'] {
    return { snapshot: this.file.snapshot?.bytes ?? 0, tail: this.end - this.start };
  }

  private get start(): number {
    return entriesStart(this.file.firstLineEnd, this.file.snapshot);
  }

  async snapshot(): Promise<Snapshot | null> {
    const { handle, firstLineEnd, snapshot } = this.file;
    return snapshot === null ? null : readSnapshot(handle, this.place.path, firstLineEnd, snapshot);
  }

  async *replay(): AsyncGenerator<JournalEntry, void, undefined> {
    const { path } = this.place;
    let lineNumber = 1;
    for await (const line of linesOf(this.file.handle, this.start, this.end)) {
      lineNumber += 1;
      yield parseEntry(line.text, path, lineNumber);
    }
  }

  async append(entries: readonly JournalEntry[]): Promise<void> {
    const { fs, fsync, path } = this.place;
    const { handle } = this.file;
    const bytes = entryLines(entries);
    try {
      if (this.torn) await this.takeBack();
      // Not earlier: until now, the file of before holds the same.
      await this.secure();
      // One write for all of them; both go on where a short write ended.
      await (fs.append?.(handle, bytes) ?? handle.writeFile(bytes));
      if (fsync) await handle.datasync();
      this.end += bytes.length;
    } catch (thrown) {
      this.torn = true;
      await this.takeBack().catch(() => undefined);
      throw diskError(thrown, 'the journal', path);
    }
  }

  async compact(snapshot: Snapshot): Promise<void> {
    const { fs, folder, path, fsync } = this.place;
    const next = `${folder}/${NEXT_FILE}`;
    try {
      const { handle: old } = this.file;
      const file = await writeCompacted(fs, next, { header: this.header, snapshot }, fsync);
      await this.switchTo(file, next);
      await old.close().catch(() => undefined);
    } catch (thrown) {
      throw diskError(thrown, 'the compacted journal', path);
    }
  }

  /** A new name that the folder does not hold for certain is lost with the machine, and the file of before is back. */
  async secure(): Promise<void> {
    if (!this.folderIsUnsynced) return;
    await syncFolder(this.place.fs, this.place.folder);
    this.folderIsUnsynced = false;
  }

  close(): Promise<void> {
    return this.file.handle.close();
  }

  /** Whoever opens the journal finds the old file before the rename, and the new one after it. */
  private async switchTo(file: OpenFile, next: string): Promise<void> {
    const { fs, path, fsync } = this.place;
    try {
      await fs.rename(next, path);
    } catch (thrown) {
      await file.handle.close().catch(() => undefined);
      await fs.rm(next, { force: true }).catch(() => undefined);
      throw thrown;
    }
    this.file = file;
    this.end = this.start;
    this.torn = false;
    this.folderIsUnsynced = fsync;
  }

  /** Cuts what a failed append left behind. */
  private async takeBack(): Promise<void> {
    await this.file.handle.truncate(this.end);
    this.torn = false;
  }
}

/** Complete lines between two offsets; text after the last newline is not a line. */
export async function* linesOf(
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
