import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArtifactReader } from '@org/dte-nx-compat';
import { type ErrorCode, type LimitValues, DteError, LIMITS } from '@org/dte-protocol';
import { type HttpClient } from '../http';
import { extractAttempt } from './extract-archive';
import { type OutputsPort } from './ports';

export interface NxReaderOptions {
  readonly http: Pick<HttpClient, 'getCached'>;
  readonly outputs: Pick<OutputsPort, 'covers'>;
  readonly limits: LimitValues;
}

/** Beside the entries of the cache, so that one becomes an entry by a rename. */
const STAGING = '.dte-unpacking';

/**
 * Puts artifacts in Nx's format into Nx's local cache, in place of Nx's own client: that one believes every byte it gets, and
 * writes wherever an archive says. Here an artifact is received and checked whole, unpacked beside the cache, entry by entry as
 * its task declares, and only then becomes an entry: whole or not there.
 */
export function nxReader({ http, outputs: port, limits }: NxReaderOptions): ArtifactReader {
  const tidied = new Map<string, Promise<void>>();

  async function stagingIn(cacheDirectory: string): Promise<string> {
    const staging = join(cacheDirectory, STAGING);
    const tidying = tidied.get(staging) ?? tidy(staging);
    tidied.set(staging, tidying);
    await tidying;
    return join(staging, randomBytes(9).toString('hex'));
  }

  return {
    async retrieve({ hash, taskId, outputs, cacheDirectory }) {
      const source = await http.getCached(hash).catch((thrown: unknown) => {
        if (DteError.from(thrown).code === 'DTE_UNKNOWN_HASH') return null;
        throw thrown;
      });
      if (source === null) return null;
      const folder = await stagingIn(cacheDirectory);
      try {
        await mkdir(folder, { recursive: true });
        const { meta, terminalOutput } = await extractAttempt({
          source,
          taskId,
          outputs,
          limits,
          format: 'nx-cache',
          terminalOutput: 'collect',
          // As Nx has it in its cache; nothing is written through one, for nothing may lie below it.
          workspaceRoot: folder,
          links: 'any',
          port: nothingToReplace(port),
        });
        const outputsPath = join(cacheDirectory, hash);
        await putInPlace(folder, outputsPath);
        return { code: meta.code, terminalOutput, outputsPath };
      } finally {
        source.destroy();
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** The code of what this reader threw on its way through Nx's cache; anything else leaves outputs that are not available. */
export const codeOfFetch = (cause: unknown): ErrorCode =>
  cause instanceof DteError ? cause.code : 'DTE_ARTIFACT_MISSING';

const nothingToReplace = (port: Pick<OutputsPort, 'covers'>): OutputsPort => ({
  list: () => Promise.resolve({ entries: [], through: [], roots: [] }),
  remove: () => undefined,
  covers: (outputs) => port.covers(outputs),
});

/** What is there is of an earlier entry that the database has forgotten, or the same from another process. */
async function putInPlace(folder: string, target: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await rename(folder, target);
      return;
    } catch (thrown) {
      const { code = '' } = thrown as NodeJS.ErrnoException;
      if (tries >= LIMITS.artifactReads.value || !['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EPERM'].includes(code))
        throw thrown;
    }
    const old = `${folder}.old-${tries}`;
    await rename(target, old).catch(() => undefined);
    await rm(old, { recursive: true, force: true });
  }
}

/** What a process left that was ended while it unpacked. */
async function tidy(staging: string): Promise<void> {
  for (const name of await readdir(staging).catch((): string[] => [])) {
    const path = join(staging, name);
    const { mtimeMs = Date.now() } = (await stat(path).catch(() => null)) ?? {};
    if (Date.now() - mtimeMs < LIMITS.unpackingMs.value) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}
