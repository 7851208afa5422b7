import { createHash } from 'node:crypto';
import type { ArtifactKey } from './artifact-store';

/**
 * How many digests of tasks are kept: an upload and the result that names it ask three times for the same one. Not configurable: more than
 * all agents have at a time, in less than 1 MB.
 */
const KEPT_DIGESTS = 4_096;

const digests = new Map<string, string>();

function digestOf(text: string): string {
  const known = digests.get(text);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(text).digest('base64url');
  if (digests.size >= KEPT_DIGESTS) digests.clear();
  digests.set(text, digest);
  return digest;
}

/**
 * The file name of an artifact in its session's folder. Hashes are path-safe by their schema. Task ids are free text
 * (`@scope/app:build:prod`), so they are hashed with SHA-256: they can neither leave the folder nor be too long.
 */
export function entryName(key: ArtifactKey): string {
  if (key.kind !== 'attempt') return `${key.kind}-${key.hash}`;
  return `attempt-${digestOf(`${key.runId}\n${key.taskId}`)}-${key.attempt}`;
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
