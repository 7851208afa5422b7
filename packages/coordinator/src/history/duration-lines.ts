import { z } from 'zod';
import type { DurationEntry } from './duration-entry';

/** Version of the lines. Lines of another version are skipped, so a newer dte learns again. */
const VERSION = 1;
/** Characters of a name. No limit of its own: a longer task id would not be accepted anywhere. */
const NAME_CHARS = 1_024;
/** A longer line was not written by dte: names, and some numbers. */
const LINE_CHARS = 8 * NAME_CHARS;
/** ln of 30 days in ms: nothing runs that long in a pipeline. */
const MOST_LOG_MS = 21.7;
/** Most results of one task: no limit, but a number that no project reaches. */
const MOST_RESULTS = 1_000_000_000;

const name = z.string().min(1).max(NAME_CHARS);
const amount = z.number().min(0);

const lineSchema = z.tuple([
  z.literal(VERSION),
  name,
  name,
  name.nullable(),
  z.string().max(NAME_CHARS),
  z.int().min(1).max(MOST_RESULTS),
  z.number().min(0).max(MOST_LOG_MS),
  z
    .number()
    .min(0)
    .max(MOST_LOG_MS * MOST_LOG_MS),
  amount,
  amount.nullable(),
  amount.nullable(),
  amount,
  amount,
]);

/** Decimals of logarithms: one part in 10,000. */
const LOG_SCALE = 10_000;
const rounded = (log: number): number => Math.round(log * LOG_SCALE) / LOG_SCALE;
const whole = (value: number | null): number | null => (value === null ? null : Math.round(value));

/** A line for each entry, as an array: the names of fields would be two thirds of the file. See docs/reference/history-files.md. */
export const durationLines = (entries: readonly DurationEntry[]): string =>
  entries.map((entry) => `${JSON.stringify(lineOf(entry))}\n`).join('');

const lineOf = (entry: DurationEntry): unknown[] => [
  VERSION,
  entry.project,
  entry.target,
  entry.configuration,
  entry.agentClass,
  entry.count,
  rounded(entry.logMs),
  rounded(entry.variance),
  whole(entry.maxMs),
  whole(entry.cpuMs),
  whole(entry.peakBytes),
  whole(entry.outputBytes),
  whole(entry.atMs),
];

/** Whoever can write to a CI cache can write the file. What a line says can only be wrong: it decides what starts first. */
export function parseDurations(text: string): { lines: DurationEntry[]; damaged: number } {
  const all = text.split('\n').filter((line) => line !== '');
  const lines = all.flatMap((line) => parseLine(line) ?? []);
  return { lines, damaged: all.length - lines.length };
}

function parseLine(line: string): DurationEntry | null {
  if (line.length > LINE_CHARS) return null;
  try {
    const [, project, target, configuration, agentClass, count, logMs, variance, ...rest] = lineSchema.parse(
      JSON.parse(line),
    );
    const [maxMs, cpuMs, peakBytes, outputBytes, atMs] = rest;
    const kind = { project, target, configuration, agentClass };
    return { ...kind, count, logMs, variance, maxMs, cpuMs, peakBytes, outputBytes, atMs };
  } catch {
    return null;
  }
}
