import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileJournalStore } from './file-journal';
import { MemoryJournalStore } from './memory-journal';
import { journalContract } from './test-support/journal.contract';

journalContract('memory', () =>
  Promise.resolve({ store: new MemoryJournalStore(), cleanUp: () => Promise.resolve() }),
);

for (const fsync of [false, true]) {
  journalContract(`file, fsync ${fsync ? 'on' : 'off'}`, async () => {
    const root = await mkdtemp(join(tmpdir(), 'dte-journal-'));
    return { store: new FileJournalStore(root, { fsync }), cleanUp: () => rm(root, { recursive: true }) };
  });
}
