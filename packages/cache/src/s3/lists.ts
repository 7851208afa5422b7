import type { Bucket, ListedKey } from './bucket';
import { PAGE_KEYS, LIST_CHARS, LIST_MS, LIST_PAGES, PARALLEL_REQUESTS } from './limits';
import { type Mark, partsOfKey } from './keys';
import { inParallel, unlessAborted } from './turns';

/** An area's entries by their folder below it: what is known about each, or null if only the object itself can say. */
type Entries = Map<string, string | null>;

/** Where an area is cut so that its parts are listed side by side: Nx's hashes are decimal numbers. */
const CUTS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', ':'];

interface Kept {
  readonly atMs: number;
  /** Null: it has too many entries to be kept. */
  readonly entries: Entries | null;
  chars: number;
}

class TooLarge extends Error {}

/** What a list says about one entry while it is read. */
interface Seen {
  /** Of `data`; null if there is none. */
  bytes: number | null;
  mark: Mark | null;
  marks: number;
}

/** Lists of areas, which answer any number of questions for a while. */
export class Lists {
  private readonly kept = new Map<string, Kept>();
  private readonly loading = new Map<string, Promise<Entries | null>>();
  private readonly closing = new AbortController();

  constructor(
    private readonly bucket: Bucket,
    private readonly now: () => number,
  ) {}

  /** A list that is recent enough; null if there is none. */
  recent(area: string): Entries | null {
    const kept = this.kept.get(area);
    return kept !== undefined && this.isRecent(kept) ? kept.entries : null;
  }

  /**
   * The list of an area; null if it has too many entries for that. It goes on when the caller has stopped waiting, so that the
   * next question finds it.
   */
  async of(area: string, signal: AbortSignal): Promise<Entries | null> {
    const kept = this.kept.get(area);
    if (kept !== undefined && this.isRecent(kept)) return kept.entries;
    const loading = this.loading.get(area) ?? this.load(area);
    return await unlessAborted(loading, signal);
  }

  added(area: string, folder: string, text: string | null): void {
    const kept = this.kept.get(area);
    if (kept?.entries == null) return;
    kept.entries.set(folder, text);
    kept.chars += charsOf(folder, text);
  }

  removed(area: string, folder: string): void {
    this.kept.get(area)?.entries?.delete(folder);
  }

  /** Forgets the lists of all areas whose keys begin like that. */
  drop(project: string): void {
    for (const area of this.kept.keys()) if (area.startsWith(project)) this.kept.delete(area);
  }

  close(): void {
    this.closing.abort();
    this.kept.clear();
  }

  private isRecent({ atMs }: Kept): boolean {
    return this.now() - atMs < LIST_MS;
  }

  private load(area: string): Promise<Entries | null> {
    const loading = this.read(area).finally(() => this.loading.delete(area));
    this.loading.set(area, loading);
    // A caller that has stopped waiting does not hear of it.
    loading.catch(() => undefined);
    return loading;
  }

  private async read(area: string): Promise<Entries | null> {
    const atMs = this.now();
    const entries = await listArea(this.bucket, area, this.closing.signal);
    const chars = entries === null ? 0 : [...entries].reduce((sum, each) => sum + charsOf(...each), 0);
    this.kept.delete(area);
    if (!this.closing.signal.aborted) this.kept.set(area, { atMs, entries, chars });
    this.shrink();
    return entries;
  }

  /** The oldest go first. */
  private shrink(): void {
    let chars = [...this.kept.values()].reduce((sum, kept) => sum + kept.chars, 0);
    for (const [area, kept] of this.kept) {
      if (chars <= LIST_CHARS && this.isRecent(kept)) continue;
      this.kept.delete(area);
      chars -= kept.chars;
    }
  }
}

const charsOf = (folder: string, text: string | null): number => folder.length + (text?.length ?? 0);

/** Null if it is too large to be kept. @throws Error of the bucket */
async function listArea(bucket: Bucket, area: string, signal: AbortSignal): Promise<Entries | null> {
  const seen = new Map<string, Seen>();
  const counted = { pages: 0, chars: 0 };
  const note = (keys: readonly ListedKey[]): void => {
    counted.pages += 1;
    for (const key of keys) counted.chars += noteKey(seen, area, key);
    if (counted.pages > LIST_PAGES || counted.chars > LIST_CHARS) throw new TooLarge();
  };
  try {
    const first = await bucket.pages(area, null, signal).next();
    const keys = first.done === true ? [] : first.value;
    note(keys);
    const last = keys.at(-1)?.key;
    if (keys.length === PAGE_KEYS && last !== undefined) await listRest(bucket, { area, last, note, signal });
  } catch (thrown) {
    if (thrown instanceof TooLarge) return null;
    throw thrown;
  }
  return new Map([...seen].flatMap(([folder, each]) => known(folder, each)));
}

interface Rest {
  readonly area: string;
  /** The last key of the first page. */
  readonly last: string;
  readonly note: (keys: readonly ListedKey[]) => void;
  readonly signal: AbortSignal;
}

async function listRest(bucket: Bucket, { area, last, note, signal }: Rest): Promise<void> {
  const ends = [...CUTS.map((cut) => `${area}${cut}`), null];
  const ranges = ends.map((end, index) => ({ after: ends[index - 1] ?? area, end }));
  const left = ranges.filter(({ end }) => end === null || end > last);
  await inParallel(left, PARALLEL_REQUESTS, async ({ after, end }) => {
    for await (const keys of bucket.pages(area, after > last ? after : last, signal)) {
      note(end === null ? keys : keys.filter(({ key }) => key < end));
      if (end !== null && keys.some(({ key }) => key >= end)) return;
    }
  });
}

/** @returns characters that it added */
function noteKey(seen: Map<string, Seen>, area: string, { key, bytes }: ListedKey): number {
  const parts = partsOfKey(key);
  if (parts === null) return 0;
  const folder = parts.folder.slice(area.length);
  const each = seen.get(folder) ?? { bytes: null, mark: null, marks: 0 };
  seen.set(folder, each);
  if (parts.mark === null) {
    each.bytes = bytes;
    return folder.length;
  }
  each.mark = parts.mark;
  each.marks += 1;
  return parts.mark.text.length;
}

/** A mark counts if it is the only one and its bytes are those that are there. Without bytes there is no entry. */
function known(folder: string, { bytes, mark, marks }: Seen): [string, string | null][] {
  if (bytes === null) return [];
  return [[folder, marks === 1 && mark?.bytes === bytes ? mark.text : null]];
}
