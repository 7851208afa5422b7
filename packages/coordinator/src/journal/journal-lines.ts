import { DteError } from '@org/dte-protocol';
import { z } from 'zod';
import type { JournalEntry, JournalHeader } from './journal';

const headerSchema = z.strictObject({
  version: z.literal(1),
  sessionId: z.string(),
  config: z.record(z.string(), z.number()),
});

/** Inputs were validated when they arrived; only the envelope is checked here. */
const entrySchema = z.strictObject({ atMs: z.number(), input: z.looseObject({ type: z.string() }) });

export const headerLine = (header: JournalHeader): string => `${JSON.stringify(header)}\n`;

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

export const parseHeader = (line: string, path: string): JournalHeader =>
  parseLine(headerSchema, line, path, 1);

export const parseEntry = (line: string, path: string, lineNumber: number): JournalEntry =>
  parseLine(entrySchema, line, path, lineNumber);
