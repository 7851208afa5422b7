import { type ArtifactWriter, isAmbiguous, packEntry } from '@org/dte-nx-compat';
import { type LimitValues, DteError } from '@org/dte-protocol';
import { type HttpClient } from '../http';
import { spool } from '../http/spool';

export interface NxWriterOptions {
  readonly http: Pick<HttpClient, 'putCached'>;
  readonly limits: LimitValues;
  /** An entry is packed and will be sent, if nothing fails: its files are not read again. Awaited before it is sent; must not reject. */
  readonly onPacked?: (hash: string, code: number) => Promise<void>;
}

/**
 * Uploads entries of Nx's local cache in Nx's own format, instead of Nx's own client, which has all of an artifact in memory and
 * announces no digest. It is packed first, so that the coordinator can refuse what arrives damaged.
 */
export const nxWriter = ({ http, limits, onPacked }: NxWriterOptions): ArtifactWriter => ({
  async store({ hash, folder, terminalOutput, code }) {
    // No reader could take these: the archive of the attempt is for them.
    if (Buffer.byteLength(terminalOutput) > limits.terminalOutputBytes || (await isAmbiguous({ folder })))
      return false;
    const packed = await spool(packEntry({ folder, terminalOutput, code }), limits);
    try {
      await onPacked?.(hash, code);
      return (await http.putCached(hash, packed)) === 'stored';
    } catch (thrown) {
      if (thrown instanceof DteError && thrown.code === 'DTE_NOT_HELD') return false;
      throw thrown;
    }
  },
});
