import { DteError } from '@org/dte-protocol';
import type { JournalEntry, Snapshot } from '../journal/journal';
import { MemoryJournalStore } from '../journal/memory-journal';
import { Compaction } from './compaction';

const HEADER = { version: 1, sessionId: 's1', config: {} } as const;

/** Entries of about so many bytes. */
const entries = (bytes: number): JournalEntry[] => [{ atMs: 1, input: { type: 'x'.repeat(bytes - 35) } }];

async function setUp(snapshotBytes: number) {
  const journal = await new MemoryJournalStore().open(HEADER);
  const failures: DteError[] = [];
  const taken: Snapshot[] = [];
  /** Size of the tail each time that what closed runs need was released. */
  const released: number[] = [];
  const compaction = new Compaction({
    journal,
    limits: { journalTailBytes: 1_000, journalTailFactor: 2 },
    take: () => {
      taken.push({ format: 1, bytes: Buffer.alloc(snapshotBytes) });
      return Promise.resolve(taken.at(-1)!);
    },
    release: () => Promise.resolve(released.push(journal.size.tail)),
    onCompacted: () => undefined,
    onFailed: (error) => failures.push(error),
  });
  const write = async (bytes: number): Promise<void> => {
    await journal.append(entries(bytes));
    await compaction.run();
  };
  return { journal, compaction, failures, taken, released, write };
}

describe('the compaction of a journal', () => {
  it('waits for journalTailBytes', async () => {
    const { taken, write, journal } = await setUp(10);
    await write(900);
    expect(taken).toHaveLength(0);
    await write(200);
    expect(taken).toHaveLength(1);
    expect(journal.size).toEqual({ snapshot: 10, tail: 0 });
  });

  it('waits for journalTailFactor times the last snapshot where that is more', async () => {
    const { taken, write } = await setUp(5_000);
    await write(1_100);
    expect(taken).toHaveLength(1);
    for (let nth = 0; nth < 9; nth++) await write(1_000);
    expect(taken).toHaveLength(1);
    await write(1_100);
    expect(taken).toHaveLength(2);
  });

  it('counts the specs of runs, which a replay reads as well', async () => {
    const { taken, write, compaction } = await setUp(10);
    compaction.addSpec(950);
    await write(100);
    expect(taken).toHaveLength(1);
    await write(900);
    expect(taken).toHaveLength(1);
  });

  it('is tried again when as much again was appended, and the journal goes on meanwhile', async () => {
    const { taken, write, failures, journal } = await setUp(10);
    const { compact } = journal;
    journal.compact = () => Promise.reject(new DteError('DTE_DISK_FULL', 'full'));
    await write(1_100);
    await write(500);
    expect(failures.map(({ code }) => code)).toEqual(['DTE_DISK_FULL']);
    expect(taken).toHaveLength(1);
    journal.compact = compact.bind(journal);
    await write(600);
    expect(taken).toHaveLength(2);
    expect(journal.size.tail).toBe(0);
  });

  it('releases what closed runs need after it, and not if it failed or the machine could lose it', async () => {
    const { write, released, journal } = await setUp(10);
    await write(900);
    expect(released).toEqual([]);
    await write(200);
    expect(released).toEqual([0]);
    journal.secure = () => Promise.reject(new Error('EIO'));
    await write(1_100);
    expect([released, journal.size.tail]).toEqual([[0], 0]);
    journal.compact = () => Promise.reject(new DteError('DTE_DISK_FULL', 'full'));
    await write(1_100);
    expect(released).toEqual([0]);
  });
});
