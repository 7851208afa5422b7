import type { Journal, JournalEntry, JournalHeader, JournalStore, Snapshot } from '../journal';

/** One adapter under test, empty. */
export interface JournalStoreUnderTest {
  readonly store: JournalStore;
  cleanUp(): Promise<void>;
}

const HEADER: JournalHeader = { version: 1, sessionId: 's1', config: { leaseMs: 30_000 } };
const entry = (atMs: number, fields: object = {}): JournalEntry => ({
  atMs,
  input: { type: 'tick', ...fields },
});

async function entriesOf(journal: Journal): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const each of journal.replay()) entries.push(each);
  return entries;
}

type OpenJournal = (header?: JournalHeader) => Promise<Journal>;

/** The contract of every journal. */
export function journalContract(adapter: string, create: () => Promise<JournalStoreUnderTest>): void {
  describe(`journal: ${adapter}`, () => {
    let subject: JournalStoreUnderTest;
    let opened: Journal[];
    const open: OpenJournal = async (header = HEADER) => {
      const journal = await subject.store.open(header);
      opened.push(journal);
      return journal;
    };

    beforeEach(async () => {
      subject = await create();
      opened = [];
    });
    afterEach(async () => {
      for (const journal of opened) await journal.close();
      await subject.cleanUp();
    });

    replays(open);
    keepsEntries(open);
    compacts(open);
  });
}

function compacts(open: OpenJournal): void {
  const snapshot = (text: string, format = 1): Snapshot => ({ format, bytes: Buffer.from(text) });

  it('has no snapshot before it is compacted', async () => {
    const journal = await open();
    await journal.append([entry(1)]);
    expect(await journal.snapshot()).toBeNull();
    expect(journal.size).toEqual({ snapshot: 0, tail: expect.any(Number) as number });
    expect(journal.size.tail).toBeGreaterThan(10);
  });

  it('holds the snapshot and what was appended since, under the same header', async () => {
    const journal = await open();
    await journal.append([entry(1), entry(2)]);
    await journal.compact(snapshot('one and two', 7));
    await journal.append([entry(3)]);
    const again = await open();
    expect(again.header).toEqual(HEADER);
    expect(await again.snapshot()).toEqual(snapshot('one and two', 7));
    expect(await entriesOf(again)).toEqual([entry(3)]);
    await again.append([entry(4)]);
    expect(await entriesOf(await open())).toEqual([entry(3), entry(4)]);
  });

  it('replaces an earlier snapshot, and what came after it', async () => {
    const journal = await open();
    await journal.compact(snapshot('first'));
    await journal.append([entry(1)]);
    const { size } = journal;
    await journal.compact(snapshot('the second one'));
    expect(size.snapshot).toBe(5);
    expect(journal.size).toEqual({ snapshot: 14, tail: 0 });
    const again = await open();
    expect(again.size).toEqual({ snapshot: 14, tail: 0 });
    expect(await again.snapshot()).toEqual(snapshot('the second one'));
    expect(await entriesOf(again)).toEqual([]);
  });

  it('keeps bytes of every kind, more than any buffer, and none at all', async () => {
    const line = Buffer.from('\n{"atMs":1,"input":{"type":"tick"}}\n');
    const odd = Buffer.concat([Buffer.from([0, 10, 13, 255]), line, Buffer.alloc(3_000_000, 10)]);
    for (const bytes of [odd, Buffer.alloc(0)]) {
      const journal = await open();
      await journal.compact({ format: 1, bytes });
      await journal.append([entry(1)]);
      const again = await open();
      expect((await again.snapshot())?.bytes.equals(bytes)).toBe(true);
      expect(await entriesOf(again)).toEqual([entry(1)]);
    }
  });

  it('keeps the bytes it was given, not what became of them', async () => {
    const bytes = Buffer.from('before');
    await (await open()).compact({ format: 1, bytes });
    bytes.write('after!');
    expect(await (await open()).snapshot()).toEqual(snapshot('before'));
  });
}

function replays(open: OpenJournal): void {
  it('starts empty, with its header', async () => {
    const journal = await open();
    expect(await entriesOf(journal)).toEqual([]);
    expect(journal.header).toEqual(HEADER);
  });

  it('replays in the order of appending, across groups', async () => {
    const first = await open();
    await first.append([entry(1), entry(2)]);
    await first.append([entry(3)]);
    expect(await entriesOf(await open())).toEqual([entry(1), entry(2), entry(3)]);
  });

  it('continues an existing journal when it is reopened', async () => {
    await (await open()).append([entry(1)]);
    const second = await open();
    await entriesOf(second);
    await second.append([entry(2)]);
    expect(await entriesOf(await open())).toEqual([entry(1), entry(2)]);
  });

  it('keeps its original header', async () => {
    await open();
    const again = await open({ ...HEADER, config: { leaseMs: 5 } });
    expect(again.header).toEqual(HEADER);
  });

  it('separates sessions', async () => {
    await (await open()).append([entry(1)]);
    expect(await entriesOf(await open({ ...HEADER, sessionId: 's2' }))).toEqual([]);
  });
}

function keepsEntries(open: OpenJournal): void {
  it('keeps text of every kind', async () => {
    const odd = entry(1, { text: 'line\nbreak "quoted" \u2028 ünïcödé 🚀 \u0000' });
    await (await open()).append([odd]);
    expect(await entriesOf(await open())).toEqual([odd]);
  });

  it('stores what it was given, unaffected by later changes', async () => {
    const mutable = { type: 'tick', list: [1] };
    await (await open()).append([{ atMs: 1, input: mutable }]);
    mutable.list.push(2);
    expect(await entriesOf(await open())).toEqual([entry(1, { list: [1] })]);
  });

  it('keeps entries that are longer than any buffer', async () => {
    const long = [entry(1, { text: 'x'.repeat(3_000_000) }), entry(2, { text: 'y'.repeat(10) })];
    await (await open()).append(long);
    expect(await entriesOf(await open())).toEqual(long);
  });
}
