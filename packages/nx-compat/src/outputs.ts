import { join } from 'node:path';
import { resolveNx } from './nx-install';

interface NativeFiles {
  expandOutputs: (directory: string, entries: string[]) => string[];
  remove: (path: string) => void;
}

const native = (workspaceRoot: string): NativeFiles =>
  resolveNx(workspaceRoot).load<NativeFiles>('src/native');

/**
 * The files and folders that exist for a task's outputs, as Nx itself finds them: globs are resolved, a folder stands
 * for all it holds, what does not exist is left out.
 * @returns paths relative to the workspace
 */
export function expandOutputs(workspaceRoot: string, outputs: readonly string[]): string[] {
  return outputs.length === 0 ? [] : native(workspaceRoot).expandOutputs(workspaceRoot, [...outputs]);
}

/** Deletes what `expandOutputs` finds. Nothing happens for what is not there. */
export function removeOutputs(workspaceRoot: string, outputs: readonly string[]): void {
  const { remove } = native(workspaceRoot);
  for (const path of expandOutputs(workspaceRoot, outputs)) remove(join(workspaceRoot, path));
}
