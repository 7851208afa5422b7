import { type ArtifactWriter, isAmbiguous, packEntry } from '@org/dte-nx-compat';
import { type LimitValues, DteError } from '@org/dte-protocol';
import { type HttpClient } from '../http';
import { spool } from '../http/spool';

export interface NxWriterOptions {
  readonly http: Pick<HttpClient, 'putCached'>;
  readonly limits: LimitValues;
}

/**
 * Uploads entries of Nx's local cache in Nx's own format, instead of Nx's own client, which has all of an artifact in memory and
 * announces no digest. It is packed first, so that the coordinator can refuse what arrives damaged.
 */
export const nxWriter = ({ http, limits }: NxWriterOptions): ArtifactWriter => ({
  async store({ hash, folder, terminalOutput, code }) {
    // No reader could take these: the archive of the attempt is for them.
    if (Buffer.byteLength(terminalOutput) > limits.terminalOutputBytes || (await isAmbiguous({ folder })))
      return false;
    const packed = await spool(packEntry({ folder, terminalOutput, code }), limits);
    try {
      return (await http.putCached(hash, packed)) === 'stored';
    } catch (thrown) {
      if (thrown instanceof DteError && thrown.code === 'DTE_NOT_HELD') return false;
      throw thrown;
    }
  },
});
