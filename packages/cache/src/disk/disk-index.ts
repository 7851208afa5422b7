import type { CacheArea, CacheEntry } from '../port/shared-cache';
import type { Catalogue, Item } from './catalogue';
import { areaOf, entryOf } from './catalogue';
import type { FileSystem } from './file-system';
import { IndexFile } from './index-file';
import { encodeLine, type IndexLine } from './index-lines';
import { Serial } from './serial';

/** Entries that one line names: 25 kB of text. A buffer size. */
const PER_LINE = 1_000;
/**
 * An entry's time of reading is written when what the index says is this old: once an hour and entry at most, however often it is
 * read. Not configurable: after a crash, an entry seems to be an hour older.
 */
const READ_MINUTES = 60;
/** The index is not rewritten before so many bytes of it are of no use any more: it takes a moment even then. A buffer size. */
const GARBAGE_BYTES = 1024 * 1024;

/** What the catalogue holds, as a file: written line by line, read when the store is opened. */
export class DiskIndex {
  private readonly files = new Serial();
  private readonly read = new Set<Item>();
  private removed: number[] = [];
  /** Bytes of lines that say nothing any more. */
  private garbage = 0;
  private mustRewrite = false;

  private constructor(
    private readonly file: IndexFile,
    private readonly catalogue: Catalogue,
    private nextNumber: number,
  ) {}

  /**
   * Fills an empty catalogue.
   * @param warn told of lines that cannot be read
   */
  static async open(
    fs: FileSystem,
    folder: string,
    catalogue: Catalogue,
    warn: (message: string) => void,
  ): Promise<DiskIndex> {
    const file = await IndexFile.open(fs, folder);
    try {
      const reader = new IndexReader(catalogue);
      for await (const { line, bytes } of file.lines()) reader.take(line, bytes);
      catalogue.sort();
      if (reader.damaged > 0)
        warn(
          `${reader.damaged} lines of the index in ${folder} cannot be read; the shared cache goes on without them.`,
        );
      const index = new DiskIndex(file, catalogue, reader.highest + 1);
      index.garbage = reader.garbage;
      return index;
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  /** Writes an entry whose name is free, then adds it to the catalogue. */
  store(area: CacheArea, entry: CacheEntry, minute: number): Promise<void> {
    const number = this.nextNumber;
    this.nextNumber += 1;
    const line = encodeLine({ type: 'stored', number, minute, area, entry });
    return this.files.run(async () => {
      await this.file.append(line);
      this.catalogue.add({ number, minute, area, entry, lineBytes: Buffer.byteLength(line) });
    });
  }

  /** To be written by the next `save`: until then, a crash brings the entry back, without its bytes. */
  remove({ number, lineBytes }: Item): void {
    this.removed.push(number);
    this.garbage += lineBytes;
  }

  /** The item was read at its `readMinute`. */
  use(item: Item): void {
    if (item.readMinute - item.savedMinute >= READ_MINUTES) this.read.add(item);
  }

  /** Writes what was removed and read. After an error, the next call tries again. */
  save(): Promise<void> {
    return this.files.run(async () => {
      await this.saveRemoved();
      await this.saveRead();
      if (this.garbage > GARBAGE_BYTES && this.garbage * 2 > this.file.bytes) await this.rewriteNow();
    });
  }

  /** Every time of reading, exactly: after an orderly end, the order is the same. */
  saveAll(): Promise<void> {
    for (const item of this.catalogue.items()) if (item.readMinute > item.savedMinute) this.read.add(item);
    return this.save();
  }

  /** Makes sure that nothing which was removed until now ever comes back. */
  rewrite(): Promise<void> {
    this.mustRewrite = true;
    return this.files.run(() => this.rewriteNow());
  }

  /** A `rewrite` has failed. */
  get isUnsafe(): boolean {
    return this.mustRewrite;
  }

  close(): Promise<void> {
    return this.files.run(() => this.file.close());
  }

  private async saveRemoved(): Promise<void> {
    while (this.removed.length > 0) {
      const numbers = this.removed.slice(0, PER_LINE);
      await this.appendGarbage({ type: 'removed', numbers });
      this.removed.splice(0, numbers.length);
    }
  }

  private async saveRead(): Promise<void> {
    const items = [...this.read].filter((item) => this.catalogue.has(item));
    this.read.clear();
    for (let at = 0; at < items.length; at += PER_LINE) {
      const some = items.slice(at, at + PER_LINE);
      const minutes = some.map(({ number, readMinute }) => [number, readMinute] as const);
      await this.appendGarbage({ type: 'read', minutes });
      for (const [index, item] of some.entries()) item.savedMinute = minutes[index]?.[1] ?? item.savedMinute;
    }
  }

  /** A rewritten index does without these lines. */
  private async appendGarbage(line: IndexLine): Promise<void> {
    const text = encodeLine(line);
    await this.file.append(text);
    this.garbage += text.length;
  }

  private async rewriteNow(): Promise<void> {
    const { garbage, removed } = this;
    this.garbage = 0;
    this.removed = [];
    try {
      // All of them now: the order of the catalogue changes while this writes. What is removed meanwhile gets a line of its own.
      await this.file.rewrite(linesOf([...this.catalogue.items()]));
      this.mustRewrite = false;
    } catch (thrown) {
      this.garbage += garbage;
      this.removed = [...removed, ...this.removed];
      throw thrown;
    }
  }
}

function* linesOf(items: readonly Item[]): Generator<string, void, undefined> {
  for (const item of items) {
    const { number, readMinute: minute } = item;
    item.savedMinute = minute;
    yield encodeLine({ type: 'stored', number, minute, area: areaOf(item), entry: entryOf(item) });
  }
}

/** Fills a catalogue from the lines of an index. */
class IndexReader {
  highest = 0;
  garbage = 0;
  damaged = 0;
  private readonly items = new Map<number, Item>();

  constructor(private readonly catalogue: Catalogue) {}

  take(line: IndexLine | null, lineBytes: number): void {
    if (line?.type === 'stored') {
      this.add(line, lineBytes);
      return;
    }
    this.garbage += lineBytes;
    if (line === null) this.damaged += 1;
    else if (line.type === 'read') for (const [number, minute] of line.minutes) this.use(number, minute);
    else for (const number of line.numbers) this.remove(this.items.get(number));
  }

  private add(line: Extract<IndexLine, { type: 'stored' }>, lineBytes: number): void {
    // The name was free when this line was written: the one of before is gone, though its line may be missing.
    this.remove(this.catalogue.get(line.area, line.entry));
    this.items.set(line.number, this.catalogue.add({ ...line, lineBytes }));
    this.highest = Math.max(this.highest, line.number);
  }

  private use(number: number, minute: number): void {
    const item = this.items.get(number);
    if (item !== undefined) item.readMinute = item.savedMinute = Math.max(item.readMinute, minute);
  }

  private remove(item: Item | undefined): void {
    if (item === undefined) return;
    this.garbage += item.lineBytes;
    this.items.delete(item.number);
    this.catalogue.remove(item);
  }
}
