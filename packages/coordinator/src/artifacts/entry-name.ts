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
