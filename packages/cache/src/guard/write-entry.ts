import type { Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import type { CacheArea, CacheEntry, SharedCache } from '../port/shared-cache';
import type { StagedName } from '../port/staged-bytes';

/** Where the bytes of an entry come from: the store has them already, or they are opened, at most twice. */
export type Source = StagedName | (() => Readable);

/** Stores an entry. @throws what the store throws */
export async function writeEntry(
  store: SharedCache,
  { area, entry }: { readonly area: CacheArea; readonly entry: CacheEntry },
  source: Source,
  signal: AbortSignal,
): Promise<'stored' | 'exists'> {
  if (typeof source === 'function') return await store.write(area, entry, source, signal);
  const { staged = null } = store;
  // It would be an entry of other bytes, which every reader would find damaged.
  if (staged === null || source.sha256 !== entry.sha256 || source.bytes !== entry.bytes)
    throw new DteError('DTE_ARTIFACT_MISSING', 'The store does not have these bytes.');
  return await staged.publish(area, entry, source, signal);
}

/** What one entry is refused for, and what says nothing about the next one: it does not fit, or its bytes are gone or damaged. */
const OF_ENTRY: readonly string[] = ['DTE_CACHE_QUOTA', 'DTE_ARTIFACT_MISSING', 'DTE_ARTIFACT_DAMAGED'];
export const isOfEntry = (thrown: unknown): thrown is DteError =>
  thrown instanceof DteError && OF_ENTRY.includes(thrown.code);

/** `AbortSignal.any` needs Node 20.3. */
export function eitherOf(...signals: readonly AbortSignal[]): AbortSignal {
  const abort = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) abort.abort(signal.reason);
    else signal.addEventListener('abort', () => abort.abort(signal.reason), { once: true });
  }
  return abort.signal;
}
