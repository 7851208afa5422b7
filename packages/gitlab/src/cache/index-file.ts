import type { CacheEntry, Scope } from '@org/dte-cache';
import { z } from 'zod';
import type { ArtifactsLimits } from './artifacts-api';

/** Name of the index in the cache's folder of a job. */
export const INDEX_FILE = 'index.json';
/** Folder of the entries beside it; each file is named by its digest. */
export const ENTRIES_FOLDER = 'entries';

/** An entry in the artifacts of a job. */
export interface Pointer extends CacheEntry {
  readonly jobId: string;
  /** When GitLab deletes the artifacts, ms since the epoch; null: not, or nobody knows. */
  readonly expiresAtMs: number | null;
}

/** A pipeline whose entries nobody may use. */
export interface Forgotten {
  readonly pipelineId: string;
  /** When the last pointer to its entries has expired. */
  readonly untilMs: number;
}

/** What a main job publishes: its own entries, and what it knows of older ones. */
export interface CacheIndex {
  readonly pipelineId: string;
  readonly jobId: string;
  /** What its pipeline wrote, by the claims of its own id token. */
  readonly scope: Scope;
  readonly entries: readonly Pointer[];
  readonly forgotten: readonly Forgotten[];
}

const id = z.string().regex(/^[0-9]{1,20}$/);
const text = (most: number) => z.string().max(most);

const entrySchema = z.object({
  kind: z.enum(['cache', 'terminal']),
  hash: z.string().regex(/^[\w.-]{1,128}$/),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  origin: z.object({
    pipelineId: text(64),
    jobId: text(64).nullable(),
    commit: text(64),
    ref: text(1_024).nullable(),
    agent: text(256),
    taskId: text(1_024),
    atMs: z.number(),
  }),
  /** Absent: in the artifacts of the job that published the index. */
  at: z.object({ jobId: id, expiresAtMs: z.number().nullable() }).optional(),
});

const indexSchema = z.object({
  version: z.literal(1),
  pipelineId: id,
  jobId: id,
  scope: text(64),
  entries: z.array(entrySchema).max(200_000),
  forgotten: z.array(z.object({ pipelineId: id, untilMs: z.number() })).max(10_000),
});

/**
 * Null if it is not an index of ours. The entries of the job itself were made by its pipeline, whatever they say.
 * @param expiresAtMs of the artifacts that it is among
 */
export function parseIndex(content: string, expiresAtMs: number | null): CacheIndex | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    return null;
  }
  const result = indexSchema.safeParse(parsed);
  if (!result.success) return null;
  const { entries, version: _, ...index } = result.data;
  const own = { jobId: index.jobId, expiresAtMs };
  const { pipelineId } = index;
  return {
    ...index,
    entries: entries.map(({ at, ...entry }) =>
      at === undefined ? { ...entry, origin: { ...entry.origin, pipelineId }, ...own } : { ...entry, ...at },
    ),
  };
}

/**
 * The text of an index within the limits. Left out, from the end: the entries of other jobs before those of the own one, of both the
 * older ones first.
 */
export function writeIndex(
  index: CacheIndex,
  limits: Pick<ArtifactsLimits, 'cacheIndexBytes' | 'cacheIndexEntries'>,
): string {
  const isOwn = ({ jobId }: Pointer): number => (jobId === index.jobId ? 1 : 0);
  const sorted = index.entries.toSorted((a, b) => isOwn(b) - isOwn(a) || b.origin.atMs - a.origin.atMs);
  const head = JSON.stringify({ version: 1, ...index, entries: [] });
  const lines: string[] = [];
  let bytes = Buffer.byteLength(head);
  for (const { jobId, expiresAtMs, ...entry } of sorted.slice(0, limits.cacheIndexEntries)) {
    const at = jobId === index.jobId ? {} : { at: { jobId, expiresAtMs } };
    const line = JSON.stringify({ ...entry, ...at });
    // With the comma or the line break between two.
    bytes += Buffer.byteLength(line) + 2;
    if (bytes > limits.cacheIndexBytes) break;
    lines.push(line);
  }
  return head.replace('"entries":[]', () => `"entries":[\n${lines.join(',\n')}\n]`);
}
