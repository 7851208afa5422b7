import type { Resolved } from '@org/dte-config';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/**
 * Creates the data folder and makes git and Nx ignore it. Nx ignores `.nx/cache` and every folder that git ignores, but
 * not `.nx/dte`: in a workspace that does not ignore the whole `.nx` folder, a project at the root would have our
 * journal as one of its inputs, and a different hash on each machine.
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

/** Folder of the coordinator's data; a relative path is resolved from the workspace. */
export const dataDirOf = (resolved: Resolved, workspaceRoot: string): string =>
  inWorkspace(workspaceRoot, resolved.config.dataDir ?? join('.nx', 'dte'));

/** Folder of data that is kept between pipelines. */
export const historyDirOf = (resolved: Resolved, workspaceRoot: string): string =>
  inWorkspace(
    workspaceRoot,
    resolved.config.historyDir ?? join(dataDirOf(resolved, workspaceRoot), 'history'),
  );
