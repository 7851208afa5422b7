import { createHash } from 'node:crypto';
import { type Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import { META_BYTES, META_ENTRY, parseMeta, TERMINAL_OUTPUT_ENTRY } from './archive-format';
import { asArchiveError } from './extract-archive';
import { type ArchiveEntry, openArchive } from './open-archive';
import { type ArchiveLimits } from './ports';

/**
 * A task's terminal output, from the beginning of its attempt's archive, verified with the sha256 in its `meta.json`; the outputs
 * after it are not read.
 * @throws DteError DTE_ARTIFACT_INCOMPLETE, DTE_ARTIFACT_TOO_LARGE, DTE_ARTIFACT_UNSAFE, DTE_ARTIFACT_DAMAGED
 */
export async function readTerminalOutput(
  source: Readable,
  taskId: string,
  { terminalOutputBytes }: Pick<ArchiveLimits, 'terminalOutputBytes'>,
): Promise<string> {
  const archive = openArchive(source);
  let sha256: string | undefined;
  try {
    for await (const entry of archive.entries) {
      const { name, size } = entry.header;
      if (size > (name === META_ENTRY ? META_BYTES : terminalOutputBytes)) {
        throw new DteError('DTE_ARTIFACT_TOO_LARGE', `The terminal output of ${taskId} is too long.`);
      }
      if (name === META_ENTRY) {
        sha256 = parseMeta((await contentOf(entry)).toString('utf8')).terminalSha256;
        continue;
      }
      if (name !== TERMINAL_OUTPUT_ENTRY) break;
      const content = await contentOf(entry);
      if (createHash('sha256').update(content).digest('hex') === sha256) return content.toString('utf8');
      throw new DteError(
        'DTE_ARTIFACT_DAMAGED',
        `The terminal output of ${taskId} in its archive is damaged: its sha256 differs from that in ${META_ENTRY}.`,
      );
    }
    throw new DteError('DTE_ARTIFACT_INCOMPLETE', `The archive of ${taskId} has no terminal output.`);
  } catch (thrown) {
    throw asArchiveError(thrown, taskId);
  } finally {
    archive.close();
  }
}

async function contentOf(entry: ArchiveEntry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  return Buffer.concat(chunks);
}
