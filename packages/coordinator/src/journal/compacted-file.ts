import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { DteError } from '@org/dte-protocol';
import type { FileSystem } from '../files/file-system';
import type { JournalHeader, Snapshot } from './journal';
import { firstLine, type SnapshotFacts } from './journal-lines';

const NEWLINE = Buffer.from('\n');
/** New, and empty should an earlier process have left it unfinished; appended to as the journal that it becomes. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_TRUNC;

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const factsOf = ({ format, bytes }: Snapshot): SnapshotFacts => ({
  format,
  bytes: bytes.length,
  sha256: digestOf(bytes),
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
    const snapshot = factsOf(content.snapshot);
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
  if (read < length || digestOf(bytes) !== sha256) throw damagedSnapshot(path);
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
