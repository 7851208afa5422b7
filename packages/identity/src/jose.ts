/** Loaded only for an id token: every distributed nx command loads this package, and most have no token. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- synchronous, and CommonJS like the rest
export const jose = (): typeof import('jose') => require('jose') as typeof import('jose');
