import { createHash } from 'node:crypto';
import type { ArtifactKey } from './artifact-store';

/**
 * The file name of an artifact inside its session's folder. Hashes are path-safe by their schema; task ids are free
 * text (`@scope/app:build:prod`), so they go through SHA-256 and can neither leave the folder nor be too long.
 */
export function entryName(key: ArtifactKey): string {
  if (key.kind !== 'attempt') return `${key.kind}-${key.hash}`;
  const digest = createHash('sha256').update(`${key.runId}\n${key.taskId}`).digest('base64url');
  return `attempt-${digest}-${key.attempt}`;
}

/** In a file's name behind that of its entry; one without it is of no artifact. */
const DIGEST = /^((?:cache|terminal|attempt)-.+)\.([0-9a-f]{64})$/;

/**
 * The file of an entry has its sha256 in its name: both come to be in one step, the rename, so that no crash can part them
 * and no file of its own can be damaged.
 */
export const fileName = (entry: string, sha256: string): string => `${entry}.${sha256}`;

/** What a file name says; null when it is none of a whole artifact. */
export function readFileName(name: string): { readonly entry: string; readonly sha256: string } | null {
  const [, entry, sha256] = DIGEST.exec(name) ?? [];
  return entry === undefined || sha256 === undefined ? null : { entry, sha256 };
}
