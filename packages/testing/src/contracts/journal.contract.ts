import type { Journal, JournalEntry, JournalHeader, JournalStore } from '@org/dte-coordinator';

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

/** What every journal promises. */
export function journalContract(adapter: string, create: () => Promise<JournalStoreUnderTest>): void {
  describe(`journal: ${adapter}`, () => {
    let subject: JournalStoreUnderTest;
    let open: Journal[];

    const openJournal = async (header: JournalHeader = HEADER): Promise<Journal> => {
      const journal = await subject.store.open(header);
      open.push(journal);
      return journal;
    };

    beforeEach(async () => {
      subject = await create();
      open = [];
    });
    afterEach(async () => {
      for (const journal of open) await journal.close();
      await subject.cleanUp();
    });

    it('begins empty, with the header it was given', async () => {
      const journal = await openJournal();
      expect(await entriesOf(journal)).toEqual([]);
      expect(journal.header).toEqual(HEADER);
    });

    it('replays in the order of appending, across groups', async () => {
      const first = await openJournal();
      await first.append([entry(1), entry(2)]);
      await first.append([entry(3)]);
      expect(await entriesOf(await openJournal())).toEqual([entry(1), entry(2), entry(3)]);
    });

    it('goes on after what is there when it is opened again', async () => {
      await (await openJournal()).append([entry(1)]);
      const second = await openJournal();
      await entriesOf(second);
      await second.append([entry(2)]);
      expect(await entriesOf(await openJournal())).toEqual([entry(1), entry(2)]);
    });

    it('keeps the header it was begun with', async () => {
      await openJournal();
      const again = await openJournal({ ...HEADER, config: { leaseMs: 5 } });
      expect(again.header).toEqual(HEADER);
    });

    it('keeps sessions apart', async () => {
      await (await openJournal()).append([entry(1)]);
      expect(await entriesOf(await openJournal({ ...HEADER, sessionId: 's2' }))).toEqual([]);
    });

    it('keeps text of every kind', async () => {
      const odd = entry(1, { text: 'line\nbreak "quoted" \u2028 ünïcödé 🚀 \u0000' });
      await (await openJournal()).append([odd]);
      expect(await entriesOf(await openJournal())).toEqual([odd]);
    });

    it('keeps what it was given, not what became of it', async () => {
      const mutable = { type: 'tick', list: [1] };
      await (await openJournal()).append([{ atMs: 1, input: mutable }]);
      mutable.list.push(2);
      expect(await entriesOf(await openJournal())).toEqual([entry(1, { list: [1] })]);
    });

    it('keeps entries that are longer than any buffer', async () => {
      const long = [entry(1, { text: 'x'.repeat(3_000_000) }), entry(2, { text: 'y'.repeat(10) })];
      await (await openJournal()).append(long);
      expect(await entriesOf(await openJournal())).toEqual(long);
    });
  });
}
