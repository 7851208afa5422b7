/**
 * Whether Nx stores failures in its caches as well (`NX_CACHE_FAILURES`). What a cache holds of a task may be a failure then,
 * which 23 and later replay.
 */
export const cachesFailures = (): boolean => process.env['NX_CACHE_FAILURES'] === 'true';
