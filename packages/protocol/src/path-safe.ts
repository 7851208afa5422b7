/**
 * Ids that become part of a path or a URL: letters, digits, dot, dash, underscore, never with a leading dot. No such id
 * can point outside the folder that contains it.
 */
export const PATH_SAFE = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
/** Names of files may be twice as long everywhere. */
export const PATH_SAFE_CHARS = 128;

/**
 * True for a hash that can be a key of the content store: one that `hashSchema` accepts. A custom hasher may return anything. Without
 * the schema, which executors would load for this.
 */
export const isStorableHash = (hash: unknown): boolean =>
  typeof hash === 'string' && hash.length <= PATH_SAFE_CHARS && PATH_SAFE.test(hash);
