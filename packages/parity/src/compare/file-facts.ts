import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Path relative to the workspace -> its kind, mode and content, in one line. */
export type FileFacts = Readonly<Record<string, string>>;

/** A buffer. */
const CHUNK_BYTES = 1024 * 1024;

/** In pieces: an output may be larger than a buffer can be. */
function digest(path: string): string {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk))
      hash.update(chunk.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex').slice(0, 16);
}

const permissions = (mode: number): string => (mode & 0o7777).toString(8);

/** Everything at or below the given paths; missing paths are skipped. Links are not followed. */
export function fileFacts(root: string, paths: readonly string[]): FileFacts {
  const facts: Record<string, string> = {};
  const visit = (path: string): void => {
    const full = join(root, path);
    const stat = lstatSync(full, { throwIfNoEntry: false });
    if (stat === undefined || path in facts) return;
    if (stat.isSymbolicLink()) facts[path] = `link to ${readlinkSync(full)}`;
    else if (stat.isDirectory()) {
      facts[path] = `folder ${permissions(stat.mode)}`;
      for (const name of readdirSync(full)) visit(join(path, name));
    } else if (stat.isFile()) {
      facts[path] = `file ${permissions(stat.mode)} ${stat.size} bytes ${digest(full)}`;
    } else facts[path] = `neither file nor folder, ${permissions(stat.mode)}`;
  };
  paths.forEach((path) => visit(join(path)));
  return facts;
}
