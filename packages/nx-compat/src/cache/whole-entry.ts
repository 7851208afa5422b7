import { existsSync } from 'node:fs';
import type { NxInstall } from '../install/nx-install';
import { listOutputs } from '../outputs';
import type { NxCachedResult } from './nx-cache';

/** Size of the entry as Nx counts it: a file that two outputs name counts twice. */
async function bytesOf(folder: string, outputs: readonly string[], nx: NxInstall): Promise<number> {
  const { entries } = await listOutputs(folder, outputs, nx);
  const native = nx.load<{ expandOutputs: (at: string, outputs: string[]) => string[] }>('src/native');
  const times = new Map<string, number>();
  for (const path of native.expandOutputs(folder, [...outputs])) {
    const name = path.replace(/\/+$/, '');
    times.set(name, (times.get(name) ?? 0) + 1);
  }
  let bytes = 0;
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    const parts = entry.path.split('/');
    const namedBy = parts.map((_, index) => times.get(parts.slice(0, index + 1).join('/')) ?? 0);
    bytes +=
      entry.size *
      Math.max(
        1,
        namedBy.reduce((sum, count) => sum + count, 0),
      );
  }
  return bytes;
}

/**
 * Does an entry in Nx's database still have its files? Nx trusts its database without checking; but cache folders are
 * deleted, completely or partly, and not always together with the database. Files are compared by size, because Nx
 * stores no list of them.
 */
export async function isWhole(
  entry: NxCachedResult,
  outputs: readonly string[],
  nx: NxInstall,
): Promise<boolean> {
  if (outputs.length === 0) return true;
  if (!existsSync(entry.outputsPath)) return false;
  if (entry.size === undefined || entry.code !== 0) return true;
  const printed = Buffer.byteLength(entry.terminalOutput ?? '');
  return (await bytesOf(entry.outputsPath, outputs, nx)) >= entry.size - printed;
}
