import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { CacheArea, CacheEntry, StagedBytes, StagedName } from '@org/dte-cache';
import { DteError, HTTP } from '@org/dte-protocol';
import { FolderSharedCache } from '@org/dte-testing';

const keyOf = ({ place, sha256 }: StagedName): string => `${place}/${sha256}`;

/** A shared cache into which jobs write themselves, as into a bucket: the address says what. */
export class StagingCache extends FolderSharedCache {
  readonly staged: StagedBytes = {
    maxBytes: 1_000_000,
    writeDirectly: (name) =>
      Promise.resolve({ url: `http://bucket.example/${keyOf(name)}`, headers: {}, expiresAtMs: Infinity }),
    look: ({ bytes, ...name }) => {
      const content = this.objects.get(keyOf({ bytes, ...name }));
      if (content === undefined) return Promise.resolve('absent');
      return Promise.resolve(content.length === bytes ? 'whole' : 'other');
    },
    read: (name) => {
      const content = this.objects.get(keyOf(name));
      return Promise.resolve(content === undefined ? null : Readable.from([content]));
    },
    readDirectly: (name) =>
      Promise.resolve({ url: `http://bucket.example/${keyOf(name)}`, expiresAtMs: Infinity }),
    publish: (area: CacheArea, entry: CacheEntry, from: StagedName, signal: AbortSignal) => {
      const content = this.objects.get(keyOf(from));
      if (content === undefined) return Promise.reject(new DteError('DTE_ARTIFACT_MISSING', 'It is gone.'));
      return this.write(area, entry, () => Readable.from([content]), signal);
    },
    remove: (name) => Promise.resolve(void this.objects.delete(keyOf(name))),
    clear: (place) => {
      for (const key of this.objects.keys()) if (key.startsWith(`${place}/`)) this.objects.delete(key);
      return Promise.resolve();
    },
  };

  constructor(
    root: string,
    readonly objects: Map<string, Buffer>,
  ) {
    super(root);
  }
}

type Call = (
  path: string,
  body: string,
  method: string,
) => Promise<{ readonly status: number; readonly text: string }>;

const announced = (content: string): string =>
  JSON.stringify({
    bytes: Buffer.byteLength(content),
    sha256: createHash('sha256').update(content).digest('base64'),
  });

/** Asks where bytes can be put. @returns null: nowhere */
export async function askWhere(
  call: Call,
  hash: string,
  content: string,
): Promise<{ readonly status: number; readonly key: string | null }> {
  const { status, text } = await call(HTTP.direct(HTTP.cache(hash)), announced(content), 'POST');
  const { address = null } = status === 200 ? (JSON.parse(text) as { address: { url: string } | null }) : {};
  return { status, key: address === null ? null : address.url.replace('http://bucket.example/', '') };
}

/** Says that they are there. */
export const sayStored = async (call: Call, hash: string, content: string): Promise<number> =>
  (await call(HTTP.direct(HTTP.cache(hash)), announced(content), 'PUT')).status;
