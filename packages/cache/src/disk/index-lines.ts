import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { CacheArea, CacheEntry } from '../port/shared-cache';

/** Digits of the sha256 of a line in front of it: enough to tell damage, which nobody makes on purpose. */
const CHECK_DIGITS = 8;

const whole = z.number().int().nonnegative();
const text = z.string();

/** An entry: its number in the index, when it was last read, its area, and the entry itself. */
const storedSchema = z.tuple([
  whole,
  whole,
  z.tuple([text, text, text]),
  z.tuple([z.enum(['cache', 'terminal']), text, whole, z.string().regex(/^[0-9a-f]{64}$/)]),
  z.tuple([text, text.nullable(), text, text.nullable(), text, text, z.number()]),
]);

const lineSchema = z.union([
  z.strictObject({ stored: storedSchema }),
  z.strictObject({ removed: z.array(whole) }),
  /** Pairs of a number and the minute since the epoch when the entry was last read. */
  z.strictObject({ read: z.array(z.tuple([whole, whole])) }),
]);

/** What one line of the index says. */
export type IndexLine =
  | {
      readonly type: 'stored';
      /** Grows with every entry, and is never used again. */
      readonly number: number;
      /** Since the epoch: when it was last read or, if never, stored. */
      readonly minute: number;
      readonly area: CacheArea;
      readonly entry: CacheEntry;
    }
  | { readonly type: 'removed'; readonly numbers: readonly number[] }
  | { readonly type: 'read'; readonly minutes: readonly (readonly [number, number])[] };

function contentOf(line: IndexLine): z.infer<typeof lineSchema> {
  if (line.type === 'removed') return { removed: [...line.numbers] };
  if (line.type === 'read') return { read: line.minutes.map(([number, minute]) => [number, minute]) };
  const { number, minute, area, entry } = line;
  const { pipelineId, jobId, commit, ref, agent, taskId, atMs } = entry.origin;
  return {
    stored: [
      number,
      minute,
      [area.issuer, area.projectId, area.scope],
      [entry.kind, entry.hash, entry.bytes, entry.sha256],
      [pipelineId, jobId, commit, ref, agent, taskId, atMs],
    ],
  };
}

const checkOf = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex').slice(0, CHECK_DIGITS);

/** With its newline. */
export function encodeLine(line: IndexLine): string {
  const content = JSON.stringify(contentOf(line));
  return `${checkOf(content)} ${content}\n`;
}

/** @param bytes without its newline. @returns null if it is damaged, or of a later version */
export function decodeLine(bytes: Buffer): IndexLine | null {
  const content = bytes.subarray(CHECK_DIGITS + 1);
  if (bytes.toString('latin1', 0, CHECK_DIGITS) !== checkOf(content)) return null;
  const parsed = lineSchema.safeParse(JSON.parse(content.toString('utf8')));
  if (!parsed.success) return null;
  const line = parsed.data;
  if ('removed' in line) return { type: 'removed', numbers: line.removed };
  if ('read' in line) return { type: 'read', minutes: line.read };
  const [number, minute, [issuer, projectId, scope], [kind, hash, bytesOf, sha256], made] = line.stored;
  const [pipelineId, jobId, commit, ref, agent, taskId, atMs] = made;
  const origin = { pipelineId, jobId, commit, ref, agent, taskId, atMs };
  return {
    type: 'stored',
    number,
    minute,
    area: { issuer, projectId, scope },
    entry: { kind, hash, bytes: bytesOf, sha256, origin },
  };
}
