import { DteError } from '@org/dte-protocol';
import { z } from 'zod';
import type { JournalEntry, JournalHeader } from './journal';

const headerFields = { sessionId: z.string(), config: z.record(z.string(), z.number()) };

/** Describes the snapshot that follows the first line. */
const snapshotSchema = z.strictObject({
  format: z.number().int(),
  bytes: z.number().int().nonnegative(),
  sha256: z.string(),
});

/** Versions that know of no snapshots must not take the bytes of one for entries: hence another version. */
const firstLineSchema = z.discriminatedUnion('version', [
  z.strictObject({ version: z.literal(1), ...headerFields }),
  z.strictObject({ version: z.literal(2), ...headerFields, snapshot: snapshotSchema }),
]);

export type SnapshotFacts = z.infer<typeof snapshotSchema>;

/** What the first line of a journal says. */
export interface FirstLine {
  readonly header: JournalHeader;
  readonly snapshot: SnapshotFacts | null;
}

/** Inputs were parsed where they came in; here only the envelope is checked. */
const entrySchema = z.strictObject({ atMs: z.number(), input: z.looseObject({ type: z.string() }) });

export function firstLine({ header, snapshot }: FirstLine): Buffer {
  const line = snapshot === null ? header : { ...header, version: 2, snapshot };
  return Buffer.from(`${JSON.stringify(line)}\n`);
}

export const entryLines = (entries: readonly JournalEntry[]): Buffer =>
  Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));

function parseLine<T>(schema: z.ZodType<T>, line: string, path: string, lineNumber: number): T {
  try {
    return schema.parse(JSON.parse(line));
  } catch (cause) {
    throw new DteError(
      'DTE_JOURNAL_CORRUPT',
      `Line ${lineNumber} of the journal ${path} cannot be read, so the session cannot be restored from it.`,
      { cause },
    );
  }
}

export function parseFirstLine(line: string, path: string): FirstLine {
  const { sessionId, config, ...rest } = parseLine(firstLineSchema, line, path, 1);
  const header = { version: 1, sessionId, config } as const;
  return { header, snapshot: rest.version === 1 ? null : rest.snapshot };
}

export const parseEntry = (line: string, path: string, lineNumber: number): JournalEntry =>
  parseLine(entrySchema, line, path, lineNumber);
