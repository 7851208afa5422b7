import { DteError, type Hello, type WorkspaceIdentity, workspaceIdentitySchema } from '@org/dte-protocol';
import { writeFileAtomically } from '../files/atomic-write';
import { type FileSystem, isNotFound } from '../files/file-system';
import { nameOf } from './peer';

const FILE = 'identity.json';

const majorOf = (version: string): string => /^v?(\d+)/.exec(version)?.[1] ?? version;

/** The first lockfile that only one side has, or whose contents differ. */
function differingLockfile(
  main: WorkspaceIdentity['lockfiles'],
  other: WorkspaceIdentity['lockfiles'],
): string | null {
  if (main === undefined || other === undefined) return null;
  const name = [...new Set([...Object.keys(main), ...Object.keys(other)])].sort();
  return name.find((each) => main[each] !== other[each]) ?? null;
}

const shownFolder = (folder: string): string => (folder === '' ? 'at the root' : folder);
const shown = (digest: string | undefined): string =>
  digest === undefined ? 'none' : `one with the digest ${digest.slice(0, 12)}`;

/**
 * Null if the client's hashes mean the same as those of the session's main job. The platform is part of a hash only if
 * the workspace includes it, and many pipelines deliberately mix architectures: it is compared only if the main job
 * requires it.
 */
export function compareWorkspaces(session: WorkspaceIdentity, hello: Hello): DteError | null {
  const { commit, folder, nxVersion, nodeVersion, platform, lockfiles } = hello.identity;
  if (session.commit !== null && commit !== null && session.commit !== commit) {
    return new DteError(
      'DTE_COMMIT_MISMATCH',
      `${nameOf(hello)} has checked out commit ${commit}, the session's main job has ${session.commit}.`,
    );
  }
  if (session.folder !== undefined && folder !== undefined && session.folder !== folder) {
    return new DteError(
      'DTE_WORKSPACE_MISMATCH',
      `${nameOf(hello)} works in the workspace ${shownFolder(folder)} of the repository, the session's main job in ${shownFolder(session.folder)}.`,
    );
  }
  if (session.nxVersion !== nxVersion) {
    return new DteError(
      'DTE_NX_VERSION_MISMATCH',
      `${nameOf(hello)} has nx ${nxVersion}, the session's main job has nx ${session.nxVersion}.`,
    );
  }
  const lockfile = differingLockfile(session.lockfiles, lockfiles);
  if (lockfile !== null) {
    return new DteError(
      'DTE_LOCKFILE_MISMATCH',
      `${nameOf(hello)} has another ${lockfile} (${shown(lockfiles?.[lockfile])}) than the session's main job (${shown(session.lockfiles?.[lockfile])}): the installed packages may differ.`,
    );
  }
  if (majorOf(session.nodeVersion) !== majorOf(nodeVersion)) {
    return new DteError(
      'DTE_NODE_MISMATCH',
      `${nameOf(hello)} runs on Node.js ${nodeVersion}, the session's main job on ${session.nodeVersion}.`,
    );
  }
  if (session.samePlatform === true && session.platform !== platform) {
    return new DteError(
      'DTE_PLATFORM_MISMATCH',
      `${nameOf(hello)} runs on ${platform}, the session's main job on ${session.platform}, and the workspace requires the same platform (option samePlatform).`,
    );
  }
  return null;
}

/** The identity stored with a session; null if no main job has connected yet. */
export async function loadWorkspaceIdentity(
  fs: FileSystem,
  folder: string,
): Promise<WorkspaceIdentity | null> {
  try {
    return workspaceIdentitySchema.parse(
      JSON.parse((await fs.readFile(`${folder}/${FILE}`)).toString('utf8')),
    );
  } catch (thrown) {
    if (isNotFound(thrown)) return null;
    throw new DteError('DTE_JOURNAL_CORRUPT', `${folder}/${FILE} cannot be read.`, { cause: thrown });
  }
}

export const saveWorkspaceIdentity = (
  fs: FileSystem,
  folder: string,
  identity: WorkspaceIdentity,
): Promise<void> => writeFileAtomically(fs, folder, FILE, JSON.stringify(identity));
