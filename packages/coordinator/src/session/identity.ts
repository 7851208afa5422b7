import { DteError, type Hello, type Identity, identitySchema } from '@org/dte-protocol';
import { writeFileAtomically } from '../files/atomic-write';
import { type FileSystem, isNotFound } from '../files/file-system';
import { nameOf } from './peer';

const FILE = 'identity.json';

/**
 * Null when the client's hashes mean what the session's main job means by them. Node version and platform differ
 * rightfully in many setups and are inputs of a hash only if the workspace says so: they are not compared.
 */
export function compareIdentity(session: Identity, hello: Hello): DteError | null {
  const { commit, nxVersion } = hello.identity;
  if (session.commit !== null && commit !== null && session.commit !== commit) {
    return new DteError(
      'DTE_COMMIT_MISMATCH',
      `${nameOf(hello)} has checked out commit ${commit}, the session's main job has ${session.commit}.`,
    );
  }
  if (session.nxVersion !== nxVersion) {
    return new DteError(
      'DTE_NX_VERSION_MISMATCH',
      `${nameOf(hello)} has nx ${nxVersion}, the session's main job has nx ${session.nxVersion}.`,
    );
  }
  return null;
}

/** The identity kept with a session, null when no main job has come yet. */
export async function loadIdentity(fs: FileSystem, folder: string): Promise<Identity | null> {
  try {
    return identitySchema.parse(JSON.parse((await fs.readFile(`${folder}/${FILE}`)).toString('utf8')));
  } catch (thrown) {
    if (isNotFound(thrown)) return null;
    throw new DteError('DTE_JOURNAL_CORRUPT', `${folder}/${FILE} cannot be read.`, { cause: thrown });
  }
}

export const saveIdentity = (fs: FileSystem, folder: string, identity: Identity): Promise<void> =>
  writeFileAtomically(fs, folder, FILE, JSON.stringify(identity));
