import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type LimitValues, DteError } from '@org/dte-protocol';

/** A completely received artifact. */
export interface Received {
  readonly bytes: number;
  /** In base64, of the received bytes. */
  readonly sha256: string;
  /** The same bytes again; read or destroy it. Called once, and nothing can be read afterwards. */
  read(): Readable;
  /** The same, as often as it takes; then `read` or `discard` is called. */
  readAgain(): Readable;
  /** Instead of `read`. */
  discard(): Promise<void>;
}

export type SpoolLimits = Pick<LimitValues, 'artifactBytes' | 'artifactInMemoryBytes'>;

/** Its name is removed as soon as it is open: however this process ends, nothing is left behind. */
async function openNameless(): Promise<FileHandle> {
  const path = join(tmpdir(), `dte-${randomBytes(12).toString('hex')}`);
  const handle = await open(path, 'wx+', 0o600);
  await rm(path, { force: true });
  return handle;
}

/** How much of a file is read at a time. Not configurable: a buffer. */
const PIECE_BYTES = 256 * 1024;

/** Not a stream of the file: if that is destroyed before its end, it closes the file, whatever its options say. */
async function* pieces(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let at = 0; ;) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

const asSpoolError = (thrown: unknown): unknown =>
  ['ENOSPC', 'EDQUOT'].includes((thrown as NodeJS.ErrnoException).code ?? '')
    ? new DteError(
        'DTE_DISK_FULL',
        `The temporary folder ${tmpdir()} has no space for an artifact (to move it, set TMPDIR).`,
        { cause: thrown },
      )
    : thrown;

/**
 * Receives a stream to its end and hashes it: in memory while it is small, else in a temporary file.
 * @throws DteError DTE_ARTIFACT_TOO_LARGE, DTE_DISK_FULL; any error of the source
 */
export async function spool(source: Readable, limits: SpoolLimits): Promise<Received> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  let handle: FileHandle | null = null;
  let bytes = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes > limits.artifactBytes) throw tooLarge(limits);
      if (handle === null && bytes <= limits.artifactInMemoryBytes) chunks.push(chunk);
      else {
        handle ??= await openNameless();
        await handle.writeFile(chunks.length === 0 ? chunk : Buffer.concat([...chunks.splice(0), chunk]));
      }
    }
  } catch (thrown) {
    source.destroy();
    await handle?.close();
    throw asSpoolError(thrown);
  }
  const file = handle;
  return {
    bytes,
    sha256: hash.digest('base64'),
    read: () =>
      file === null ? Readable.from(chunks, { objectMode: false }) : file.createReadStream({ start: 0 }),
    readAgain: () =>
      file === null
        ? Readable.from(chunks, { objectMode: false })
        : Readable.from(pieces(file), { objectMode: false }),
    discard: async () => file?.close(),
  };
}

const tooLarge = ({ artifactBytes }: SpoolLimits): DteError =>
  new DteError('DTE_ARTIFACT_TOO_LARGE', `An artifact is larger than the limit of ${artifactBytes} bytes.`);
