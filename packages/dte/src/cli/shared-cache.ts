import type { SharedCache } from '@org/dte-cache';
import { DteError } from '@org/dte-protocol';
import type { CliContext } from './context';

export interface SharedCacheOptions {
  /** The coordinator is part of a job. */
  readonly embedded: boolean;
  /** Issuers of the id tokens that are accepted. */
  readonly issuers: readonly string[];
}

/**
 * The store behind the option `cache`; null for none.
 * @throws DteError DTE_BAD_CONFIG
 */
export function openSharedCache(
  { resolved }: CliContext,
  { issuers }: SharedCacheOptions,
): Promise<SharedCache | null> {
  const { cache } = resolved.config;
  if (cache === 'none') return Promise.resolve(null);
  if (issuers.length === 0)
    return Promise.reject(
      bad(
        'pipelines can share results only if they prove with id tokens where they run, and no issuer is configured (option issuers, DTE_ISSUERS)',
      ),
    );
  return Promise.reject(bad(`the store "${cache}" is not available in this version`));
}

const bad = (why: string): DteError =>
  new DteError('DTE_BAD_CONFIG', `The shared cache (option cache, DTE_CACHE) cannot be used: ${why}.`);
