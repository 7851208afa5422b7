import { nxOutputs } from '@org/dte-client';
import { dataDirOf, makeDataFolder } from '../data-folder/data-folder';
import type { Prepared } from '../prepare/prepare';
import { MainDisk } from './main-disk';
import { recordPath } from './made-record';

/** The main job's disk with the record of its session's commands. */
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
