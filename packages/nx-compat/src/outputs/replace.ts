import { rmSync, rmdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { NxInstall } from '../install/nx-install';
import { cleanPath } from './paths';
import { lineOf, listOutputs, summaryOf, type OutputEntry, type OutputSummary } from './list';
import { isNamed, trackedByGlobs } from './tracked';

/** Removes one entry, and the folders of the output that become empty. */
function removeExtra(
  workspaceRoot: string,
  path: string,
  literal: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): void {
  rmSync(join(workspaceRoot, path), { recursive: true, force: true });
  for (let folder = path; !literal.has(folder);) {
    folder = posix.dirname(folder);
    if (folder === '.' || wanted.has(folder) || !isNamed(folder, literal)) return;
    try {
      rmdirSync(join(workspaceRoot, folder));
    } catch {
      // The folder contains something else.
      return;
    }
  }
}

/**
 * Makes outputs equal to an entry of Nx's cache that was just restored: Nx replaces the files of the entry and keeps
 * all others, so files that the task has deleted would remain. What git tracks and only a glob has found stays: it is a
 * source that is newer than the entry, or that is not an input of the task.
 * @returns what is there now
 * @throws if something of the entry is missing
 */
export async function replaceOutputs(
  nx: NxInstall,
  entryFolder: string,
  outputs: readonly string[],
): Promise<OutputSummary> {
  const { workspaceRoot } = nx;
  const { entries: wanted } = await listOutputs(entryFolder, outputs, nx);
  const { entries: found } = await listOutputs(workspaceRoot, outputs, nx);
  const literal = new Set(outputs.map(cleanPath));
  const kept: OutputEntry[] = [];
  // No task may replace the workspace itself.
  if (!literal.has('')) {
    const paths = new Set(wanted.map(({ path }) => path));
    const extras = found.filter(({ path }) => !paths.has(path));
    const tracked = trackedByGlobs(
      workspaceRoot,
      extras.map(({ path }) => path),
      outputs,
    );
    for (const extra of extras) {
      if (tracked.has(extra.path)) kept.push(extra);
      else removeExtra(workspaceRoot, extra.path, literal, paths);
    }
  }
  const here = new Set(found.map(lineOf));
  const missing = wanted.filter((entry) => !here.has(lineOf(entry)));
  // This folder was not empty before the others were deleted.
  const lost = missing.filter(({ kind }) => kind !== 'folder');
  if (lost.length > 0)
    throw new Error(`${lost.length} outputs did not arrive, including ${lost[0]?.path ?? ''}`);
  return summaryOf([...wanted, ...kept].sort((a, b) => (a.path < b.path ? -1 : 1)));
}
