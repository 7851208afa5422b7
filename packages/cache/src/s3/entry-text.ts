import { z } from 'zod';
import type { CacheEntry, EntryName } from '../port/shared-cache';

/** S3 allows 2 kB of metadata of its own with an object, names included. */
const MAX_CHARS = 1_900;
/** Characters of a task id that is shortened to fit. It is only shown to people. */
const SHORT_TASK = 200;
/** Characters of a ref or an agent's name that are shortened to fit. */
const SHORT_NAME = 100;

/** In the order of `toFields`. The digest is in base64url, which is shorter than hex. */
const fieldsSchema = z.tuple([
  z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  z.int().min(0),
  z.string().min(1),
  z.string().nullable(),
  z.string(),
  z.string().nullable(),
  z.string(),
  z.string(),
  z.int(),
]);
type Fields = z.infer<typeof fieldsSchema>;

function cut(text: string, chars: number): string {
  const letters = Array.from(text);
  return letters.length <= chars ? text : `${letters.slice(0, chars - 1).join('')}…`;
}

const toFields = ({ sha256, bytes, origin }: CacheEntry): Fields => [
  Buffer.from(sha256, 'hex').toString('base64url'),
  bytes,
  origin.pipelineId,
  origin.jobId,
  origin.commit,
  origin.ref,
  origin.agent,
  origin.taskId,
  origin.atMs,
];

const encode = (fields: Fields): string => Buffer.from(JSON.stringify(fields)).toString('base64url');

/**
 * What is known about an entry, in letters that headers and keys carry as they are. Names that only people read are shortened
 * if it would be too long for a header.
 */
export function textOfEntry(entry: CacheEntry): string {
  const text = encode(toFields(entry));
  if (text.length <= MAX_CHARS) return text;
  const { origin } = entry;
  return encode(
    toFields({
      ...entry,
      origin: {
        ...origin,
        ref: origin.ref === null ? null : cut(origin.ref, SHORT_NAME),
        agent: cut(origin.agent, SHORT_NAME),
        taskId: cut(origin.taskId, SHORT_TASK),
      },
    }),
  );
}

/** The other way; null for anything that `textOfEntry` does not write. */
export function entryOfText({ kind, hash }: EntryName, text: string): CacheEntry | null {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
  const parsed = fieldsSchema.safeParse(json);
  if (!parsed.success) return null;
  const [digest, bytes, pipelineId, jobId, commit, ref, agent, taskId, atMs] = parsed.data;
  const sha256 = Buffer.from(digest, 'base64url').toString('hex');
  return { kind, hash, bytes, sha256, origin: { pipelineId, jobId, commit, ref, agent, taskId, atMs } };
}
