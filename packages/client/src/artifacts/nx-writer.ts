import { Readable } from 'node:stream';
import { type ArtifactWriter, isAmbiguous, packEntry, readSmall } from '@org/dte-nx-compat';
import { type LimitValues, DteError } from '@org/dte-protocol';
import { type HttpClient } from '../http';
import { spool } from '../http/spool';

export interface NxWriterOptions {
  readonly http: Pick<HttpClient, 'putCached'>;
  readonly limits: LimitValues;
  /** An entry is read and will be sent, if nothing fails: its files are not read again. Awaited before it is sent; must not reject. */
  readonly onPacked?: (hash: string, code: number) => Promise<void>;
}

/**
 * Uploads entries of Nx's local cache in Nx's own format, instead of Nx's own client, which has all of an artifact in memory and
 * announces no digest. It is packed first, so that the coordinator can refuse what arrives damaged.
 */
export const nxWriter = ({ http, limits, onPacked }: NxWriterOptions): ArtifactWriter => ({
  async store({ hash, folder, terminalOutput, code }) {
    if (Buffer.byteLength(terminalOutput) > limits.terminalOutputBytes) return false;
    const entry = { folder, terminalOutput, code };
    const read = readSmall(entry);
    // No reader could take these: the archive of the attempt is for them.
    if (read === null ? await isAmbiguous(entry) : read.isAmbiguous) return false;
    // What may be too large to be sent must be known to be before anything else is done.
    const isSmall = read !== null && read.bytes < limits.artifactBytes / 2;
    let packed = isSmall ? null : await spool(packEntry(entry), limits);
    try {
      await onPacked?.(hash, code);
      if (isSmall) packed = await spool(Readable.from([read.pack()], { objectMode: false }), limits);
      return packed !== null && (await http.putCached(hash, packed)) === 'stored';
    } catch (thrown) {
      if (thrown instanceof DteError && thrown.code === 'DTE_NOT_HELD') return false;
      throw thrown;
    }
  },
});
