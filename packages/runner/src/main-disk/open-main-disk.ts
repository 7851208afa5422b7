import { nxOutputs } from '@org/dte-client';
import { dataDirOf, makeDataFolder } from '../data-folder/data-folder';
import type { Prepared } from '../prepare/prepare';
import { MainDisk } from './main-disk';
import { recordPath } from './made-record';

/** The main job's disk as the commands of its session know it. */
export function openMainDisk({
  resolved,
  workspaceRoot,
  session,
  cache,
}: Pick<Prepared, 'resolved' | 'workspaceRoot' | 'session' | 'cache'>): MainDisk {
  const dataDir = dataDirOf(resolved, workspaceRoot);
  return new MainDisk({
    workspaceRoot,
    cache,
    outputs: nxOutputs(workspaceRoot),
    path: recordPath(dataDir, session.id),
    makeFolder: () => void makeDataFolder(dataDir),
  });
}
