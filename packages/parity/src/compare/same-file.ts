import { lstatSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { foldersOut } from './folders';

/** Larger files are compared byte by byte only. Not configurable: reports and bundles with moments in them are smaller. */
const READ_BYTES = 16 * 1024 * 1024;

/** Reports: there, a number with such a name is a measurement, and not a part of the program. */
const REPORTS = new Set(['.xml', '.json', '.html', '.txt', '.log', '.tap', '.md', '.trx', '.ndjson']);
const MEASURED =
  /(["']?\b(?:time|timestamp|duration|durationMs|duration_ms|elapsed|elapsedTime|startTime|endTime|start|end|started|ended|perfStats|runtime)["']?\s*[=:]\s*["']?)-?\d+(?:\.\d+)?/gi;

const MOMENTS: readonly RegExp[] = [
  /\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([.,]\d+)?( ?(Z|[+-]\d\d:?\d\d))?/g,
  // Milliseconds since 1970, from 2020 on.
  /\b1[6-9]\d{11}\b/g,
];

/** The text of a file; null if it is none, or too large. */
function textOf(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > READ_BYTES) return null;
  const bytes = readFileSync(path);
  return bytes.includes(0) ? null : bytes.toString('utf8');
}

/** A workspace and the folders that its files may name. */
export interface Place {
  readonly workspace: string;
  readonly folders: Readonly<Record<string, string>>;
}

/** The text of an output without moments, measured times and the machine's folders; null if it is no text. */
export function comparableText(path: string, { workspace, folders }: Place): string | null {
  const text = textOf(join(workspace, path));
  if (text === null) return null;
  let result = foldersOut(text, folders);
  for (const moment of MOMENTS) result = result.replaceAll(moment, '<time>');
  return REPORTS.has(extname(path)) ? result.replaceAll(MEASURED, '$1<time>') : result;
}
