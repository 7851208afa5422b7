import { type Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import { META_BYTES, META_ENTRY, TERMINAL_OUTPUT_ENTRY } from './archive-format';
import { asArchiveError } from './extract-archive';
import { openArchive } from './open-archive';
import { type ArchiveLimits } from './ports';

/**
 * A task's terminal output, from the beginning of its attempt's archive; the outputs after it are not read.
 * @throws DteError DTE_ARTIFACT_INCOMPLETE, DTE_ARTIFACT_TOO_LARGE
 */
export async function readTerminalOutput(
  source: Readable,
  taskId: string,
  { terminalOutputBytes }: Pick<ArchiveLimits, 'terminalOutputBytes'>,
): Promise<string> {
  const archive = openArchive(source);
  try {
    for await (const entry of archive.entries) {
      const { name, size } = entry.header;
      if (size > (name === META_ENTRY ? META_BYTES : terminalOutputBytes)) {
        throw new DteError('DTE_ARTIFACT_TOO_LARGE', `The terminal output of ${taskId} is too long.`);
      }
      if (name === META_ENTRY) {
        entry.resume();
        continue;
      }
      if (name !== TERMINAL_OUTPUT_ENTRY) break;
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk);
      return Buffer.concat(chunks).toString('utf8');
    }
    throw new DteError('DTE_ARTIFACT_INCOMPLETE', `The archive of ${taskId} has no terminal output.`);
  } catch (thrown) {
    throw asArchiveError(thrown, taskId);
  } finally {
    archive.close();
  }
}
