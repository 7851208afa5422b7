import { createHash } from 'node:crypto';
import type { ArtifactKey } from './artifact-store';

/**
 * The file name of an artifact in its session's folder. Hashes are path-safe by their schema. Task ids are free text
 * (`@scope/app:build:prod`), so they are hashed with SHA-256: they can neither leave the folder nor be too long.
 */
export function entryName(key: ArtifactKey): string {
  if (key.kind !== 'attempt') return `${key.kind}-${key.hash}`;
  const digest = createHash('sha256').update(`${key.runId}\n${key.taskId}`).digest('base64url');
  return `attempt-${digest}-${key.attempt}`;
}

/** Follows the entry in a file's name; a file without it is not an artifact. */
const DIGEST = /^((?:cache|terminal|attempt)-.+)\.([0-9a-f]{64})$/;

/**
 * The file name of an entry contains its sha256. One rename creates both, so that no crash can separate them and the
 * digest has no file of its own that could be damaged.
 */
export const fileName = (entry: string, sha256: string): string => `${entry}.${sha256}`;

/** Parses a file name; null if it is not the name of a complete artifact. */
export function readFileName(name: string): { readonly entry: string; readonly sha256: string } | null {
  const [, entry, sha256] = DIGEST.exec(name) ?? [];
  return entry === undefined || sha256 === undefined ? null : { entry, sha256 };
}
