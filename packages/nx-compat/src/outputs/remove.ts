import { readdirSync, rmSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expandOutputs, isFolderLink } from './expand';
import { trackedByGlobs } from './tracked';

export interface RemoveHow {
  /** Default: true. Whether the target of a link to a folder is deleted; it is not an output of a task that has replaced the link. */
  readonly behindLinks?: boolean | undefined;
  /** Keeps what git tracks and only a glob has found: its replacement may be older, or missing. */
  readonly keepsTracked?: boolean | undefined;
}

/** Deletes what `expandOutputs` finds. An output that is a link to a folder of the workspace stays. */
export function removeOutputs(workspaceRoot: string, outputs: readonly string[], how: RemoveHow = {}): void {
  const paths = expandOutputs(workspaceRoot, outputs);
  const kept = how.keepsTracked === true ? trackedByGlobs(workspaceRoot, paths, outputs) : [];
  removePaths(workspaceRoot, paths, how, new Set(kept));
}

/** Like `removeOutputs`, for expanded outputs. */
export function removePaths(
  workspaceRoot: string,
  paths: readonly string[],
  { behindLinks = true }: RemoveHow = {},
  kept: ReadonlySet<string> = new Set(),
): void {
  const remove = removerAround(workspaceRoot, kept);
  for (const path of paths) {
    // No task may replace the workspace itself.
    if (path === '') continue;
    if (!isFolderLink(workspaceRoot, path)) remove(path);
    else if (behindLinks)
      for (const name of readdirSync(join(workspaceRoot, path))) remove(`${path}/${name}`);
  }
}

function removerAround(workspaceRoot: string, kept: ReadonlySet<string>): (path: string) => void {
  const above = new Set<string>();
  for (const path of kept)
    for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) above.add(folder);
  const remove = (path: string): void => {
    if (kept.has(path)) return;
    const absolute = join(workspaceRoot, path);
    if (above.has(path)) for (const name of readdirSync(absolute)) remove(`${path}/${name}`);
    else rmSync(absolute, { recursive: true, force: true });
  };
  return remove;
}
