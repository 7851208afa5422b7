import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DteError } from '@org/dte-protocol';
import type { FileSystem } from '../files/file-system';
import type { JournalHeader, Snapshot } from './journal';
import { firstLine, type SnapshotFacts } from './journal-lines';

const NEWLINE = Buffer.from('\n');
/** New, and empty should an earlier process have left it unfinished; appended to as the journal that it becomes. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_TRUNC;

/** What is hashed in one turn of the event loop: about 20 ms on a slow machine. Not configurable: nobody notices them. */
const DIGEST_BYTES = 4 * 1024 * 1024;

/** Of a snapshot of 100 MB, with time for others in between. */
async function digestOf(bytes: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += DIGEST_BYTES) {
    hash.update(bytes.subarray(at, at + DIGEST_BYTES));
    await nextTurn();
  }
  return hash.digest('hex');
}

const factsOf = async ({ format, bytes }: Snapshot): Promise<SnapshotFacts> => ({
  format,
  bytes: bytes.length,
  sha256: await digestOf(bytes),
});

/** Where the entries begin: the bytes of a snapshot are followed by a newline, so that a torn entry is cut right behind. */
export const entriesStart = (firstLineEnd: number, snapshot: SnapshotFacts | null): number =>
  snapshot === null ? firstLineEnd : firstLineEnd + snapshot.bytes + NEWLINE.length;

export interface CompactedFile {
  readonly handle: FileHandle;
  readonly snapshot: SnapshotFacts;
  readonly firstLineEnd: number;
}

/**
 * Writes a journal that consists of a snapshot to a file of its own, to be renamed to the journal. In one file, not in a
 * snapshot and a journal: then the rename is the only moment that counts, and a crash never leaves two that have to agree.
 * @param fsync the content must survive a crash of the machine before the rename does
 */
export async function writeCompacted(
  fs: FileSystem,
  path: string,
  content: { readonly header: JournalHeader; readonly snapshot: Snapshot },
  fsync: boolean,
): Promise<CompactedFile> {
  const handle = await fs.open(path, FLAGS, 0o600);
  try {
    const snapshot = await factsOf(content.snapshot);
    const line = firstLine({ header: content.header, snapshot });
    for (const part of [line, content.snapshot.bytes, NEWLINE]) await handle.writeFile(part);
    if (fsync) await handle.datasync();
    return { handle, snapshot, firstLineEnd: line.length };
  } catch (thrown) {
    await handle.close().catch(() => undefined);
    await fs.rm(path, { force: true }).catch(() => undefined);
    throw thrown;
  }
}

/** @throws DteError DTE_JOURNAL_CORRUPT */
export async function readSnapshot(
  handle: FileHandle,
  path: string,
  firstLineEnd: number,
  { format, bytes: length, sha256 }: SnapshotFacts,
): Promise<Snapshot> {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await handle.read(bytes, read, length - read, firstLineEnd + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  if (read < length || (await digestOf(bytes)) !== sha256) throw damagedSnapshot(path);
  return { format, bytes };
}

export const damagedSnapshot = (path: string): DteError =>
  new DteError(
    'DTE_JOURNAL_CORRUPT',
    `The snapshot in the journal ${path} is damaged, so the session cannot be restored from it.`,
  );

/** Makes a new name in a folder survive a crash of the machine. */
export async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  // Windows cannot open a folder, and its file systems journal names themselves.
  if (process.platform === 'win32') return;
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
