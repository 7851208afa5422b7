/**
 * Whether Nx also stores failures in its caches (`NX_CACHE_FAILURES`). Then an entry for a task may be a failure, which
 * 23 and later replay.
 */
export const cachesFailures = (): boolean => process.env['NX_CACHE_FAILURES'] === 'true';
