import { rmSync, rmdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { NxInstall } from '../install/nx-install';
import { cleanPath } from './paths';
import { lineOf, listOutputs, summaryOf, type OutputEntry, type OutputSummary } from './list';
import { isNamed, trackedByGlobs } from './tracked';

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
    if (folder === '.' || wanted.has(folder) || !isNamed(folder, literal)) return;
    try {
      rmdirSync(join(workspaceRoot, folder));
    } catch {
      // Something else is in it.
      return;
    }
  }
}

/**
 * Makes what outputs name the same as an entry of Nx's cache that was just put in place: Nx replaces what the entry has and
 * leaves what it does not have, so that files would stay which the task has deleted. What git tracks and only a glob has found
 * stays: it is a source that the entry is older than, or that is none of the task's inputs.
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
  const literal = new Set(outputs.map(cleanPath));
  const kept: OutputEntry[] = [];
  // The workspace itself is no task's to replace.
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
  // A folder that was not empty before the others went.
  const lost = missing.filter(({ kind }) => kind !== 'folder');
  if (lost.length > 0)
    throw new Error(`${lost.length} outputs did not arrive, including ${lost[0]?.path ?? ''}`);
  return summaryOf([...wanted, ...kept].sort((a, b) => (a.path < b.path ? -1 : 1)));
}
