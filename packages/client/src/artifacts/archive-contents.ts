import { createHash } from 'node:crypto';
import { type Readable } from 'node:stream';
import { NX_ARCHIVE } from '@org/dte-nx-compat';
import { DteError, LIMITS } from '@org/dte-protocol';
import { OUTPUTS_PREFIX } from './archive-format';
import { type ArchiveEntry, openArchive } from './open-archive';
import { asArchiveError } from './extract-archive';

/** Path in the workspace -> what it is, as text that is equal only for equal files or links. */
export type ArchiveContents = ReadonlyMap<string, string>;

/** Any of them: a file that somebody may execute. */
const EXECUTABLE = 0o111;

/**
 * Reads what an archive contains, without writing anything: files by their sha256 and executable bit, links by their target. The terminal
 * output is left out, because it has times in it; so are folders, which only some formats list.
 * @param format `attempt` is the format of dte, `nx-cache` that of Nx
 * @throws DteError DTE_ARTIFACT_INCOMPLETE, DTE_ARTIFACT_UNSAFE
 */
export async function contentsOf(
  source: Readable,
  taskId: string,
  format: 'attempt' | 'nx-cache',
): Promise<ArchiveContents> {
  const archive = openArchive(source, format === 'nx-cache');
  const contents = new Map<string, string>();
  try {
    for await (const entry of archive.entries) {
      const path = format === 'nx-cache' ? ofNx(entry.header.name) : ofAttempt(entry.header.name);
      const found = path === null ? null : await describe(entry);
      if (found === null) entry.resume();
      else if (path !== null) contents.set(path, found);
      if (contents.size > LIMITS.artifactEntries.value)
        throw new DteError('DTE_ARTIFACT_TOO_LARGE', `The archive of ${taskId} has too many entries.`);
    }
    return contents;
  } catch (thrown) {
    throw asArchiveError(thrown, taskId);
  } finally {
    archive.close();
  }
}

const ofNx = (name: string): string | null =>
  name === NX_ARCHIVE.terminalOutputEntry || name === NX_ARCHIVE.codeEntry ? null : name;

const ofAttempt = (name: string): string | null =>
  name.startsWith(OUTPUTS_PREFIX) ? name.slice(OUTPUTS_PREFIX.length) : null;

async function describe(entry: ArchiveEntry): Promise<string | null> {
  const { type, mode, linkname } = entry.header;
  if (type === 'symlink') {
    entry.resume();
    return `link ${linkname}`;
  }
  if (type !== 'file' && type !== 'contiguous-file') return null;
  const hash = createHash('sha256');
  for await (const chunk of entry) hash.update(chunk);
  return `${(mode & EXECUTABLE) === 0 ? 'file' : 'executable'} ${hash.digest('hex')}`;
}
