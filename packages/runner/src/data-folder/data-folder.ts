import type { Resolved } from '@org/dte-config';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/**
 * Makes the data folder and has git and Nx leave it alone. Nx ignores `.nx/cache` by itself and every folder that git
 * ignores, but not `.nx/dte`: in a workspace that does not ignore `.nx` as a whole, a project at the root would take
 * our journal for one of its inputs and have another hash on each machine.
 * @throws what the file system throws
 */
export function makeDataFolder(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true });
  try {
    writeFileSync(join(dataDir, '.gitignore'), '*\n', { flag: 'wx' });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
  return dataDir;
}

const inWorkspace = (workspaceRoot: string, dir: string): string =>
  isAbsolute(dir) ? dir : join(workspaceRoot, dir);

/** Folder of the coordinator's data; a relative one starts at the workspace. */
export const dataDirOf = (resolved: Resolved, workspaceRoot: string): string =>
  inWorkspace(workspaceRoot, resolved.config.dataDir ?? join('.nx', 'dte'));

/** Folder of what is remembered beyond pipelines. */
export const historyDirOf = (resolved: Resolved, workspaceRoot: string): string =>
  inWorkspace(
    workspaceRoot,
    resolved.config.historyDir ?? join(dataDirOf(resolved, workspaceRoot), 'history'),
  );
