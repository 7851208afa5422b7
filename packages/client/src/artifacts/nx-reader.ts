import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
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

/** Next to the entries of the cache, so that a rename turns it into an entry. */
const STAGING = '.dte-unpacking';

/**
 * Puts artifacts in Nx's format into Nx's local cache, instead of Nx's own client, which verifies nothing and writes to
 * any path in an archive. Here, an artifact is received and verified completely, unpacked next to the cache, limited to
 * what its task declares, and only then becomes an entry: complete or missing.
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
    async retrieve({ hash, taskId, outputs, cacheDirectory, ownOnly }) {
      const source = await http.getCached(hash, { ownOnly }).catch((thrown: unknown) => {
        if (DteError.from(thrown).code === 'DTE_UNKNOWN_HASH') return null;
        throw thrown;
      });
      if (source === null) return null;
      const folder = await stagingIn(cacheDirectory);
      let isPlaced = false;
      try {
        mkdirSync(folder, { recursive: true });
        const { meta, terminalOutput } = await extractAttempt({
          source,
          taskId,
          outputs,
          limits,
          format: 'nx-cache',
          terminalOutput: 'collect',
          // As in Nx's cache. Nothing is written through a link, because nothing may be below it.
          workspaceRoot: folder,
          links: 'any',
          isEmpty: true,
          port: nothingToReplace(port),
        });
        const outputsPath = join(cacheDirectory, hash);
        await putInPlace(folder, outputsPath);
        isPlaced = true;
        return { code: meta.code, terminalOutput, outputsPath };
      } finally {
        source.destroy();
        if (!isPlaced) await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** An error of a full disk, as Node words it and, by number, as Nx's native code does. */
const FULL = /\b(ENOSPC|EDQUOT)\b|\bos error (28|122)\b/;

/**
 * The code of an error that this reader or Nx threw on the way through Nx's cache. A full disk is a problem of this machine: under
 * any other code it would be attributed to the coordinator, and the next attempt would come to the same machine.
 */
export function codeOfFetch(cause: unknown): ErrorCode {
  if (cause instanceof DteError) return cause.code;
  return FULL.test(String(cause)) ? 'DTE_DISK_FULL' : 'DTE_ARTIFACT_MISSING';
}

const nothingToReplace = (port: Pick<OutputsPort, 'covers'>): OutputsPort => ({
  list: () => Promise.resolve({ entries: [], through: [], roots: [] }),
  remove: () => undefined,
  covers: (outputs) => port.covers(outputs),
});

/** The existing folder is from an earlier entry that the database has forgotten, or the same from another process. */
async function putInPlace(folder: string, target: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      renameSync(folder, target);
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

/** Leftovers of a process that was killed while it unpacked. */
async function tidy(staging: string): Promise<void> {
  for (const name of await readdir(staging).catch((): string[] => [])) {
    const path = join(staging, name);
    const { mtimeMs = Date.now() } = (await stat(path).catch(() => null)) ?? {};
    if (Date.now() - mtimeMs < LIMITS.unpackingMs.value) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}
