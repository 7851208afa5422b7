import { rmSync, rmdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { NxInstall } from '../nx-install';
import { clean } from './expand';
import { lineOf, listOutputs, summaryOf, type OutputEntry, type OutputSummary } from './list';

/** Removes one thing, and the folders of the output that are empty then. */
function removeExtra(
  workspaceRoot: string,
  path: string,
  literal: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): void {
  rmSync(join(workspaceRoot, path), { recursive: true, force: true });
  for (let folder = path; !literal.has(folder);) {
    folder = posix.dirname(folder);
    if (folder === '.' || wanted.has(folder) || !isBelow(folder, literal)) return;
    try {
      rmdirSync(join(workspaceRoot, folder));
    } catch {
      // Something else is in it.
      return;
    }
  }
}

/** A folder that an output without a wildcard names: no glob says anything of the folders of what it finds. */
const isBelow = (folder: string, literal: ReadonlySet<string>): boolean =>
  folder.split('/').some((_, index, parts) => literal.has(parts.slice(0, index + 1).join('/')));

/**
 * Makes what outputs name the same as an entry of Nx's cache that was just put in place: Nx replaces what the entry has and
 * leaves what it does not have, so that files would stay which the task has deleted.
 * @returns what is there now
 * @throws when something of the entry has not arrived
 */
export async function replaceOutputs(
  nx: NxInstall,
  entryFolder: string,
  outputs: readonly string[],
): Promise<OutputSummary> {
  const { workspaceRoot } = nx;
  const { entries: wanted } = await listOutputs(entryFolder, outputs, nx);
  const { entries: found } = await listOutputs(workspaceRoot, outputs, nx);
  const literal = new Set(outputs.map(clean));
  // The workspace itself is no task's to replace.
  if (!literal.has('')) {
    const paths = new Set(wanted.map(({ path }) => path));
    const isExtra = ({ path }: OutputEntry): boolean => !paths.has(path);
    for (const { path } of found.filter(isExtra)) removeExtra(workspaceRoot, path, literal, paths);
  }
  const here = new Set(found.map(lineOf));
  const missing = wanted.filter((entry) => !here.has(lineOf(entry)));
  // A folder that was not empty before the others went.
  const lost = missing.filter(({ kind }) => kind !== 'folder');
  if (lost.length > 0)
    throw new Error(`${lost.length} outputs did not arrive, ${lost[0]?.path ?? ''} among them`);
  return summaryOf(wanted);
}
