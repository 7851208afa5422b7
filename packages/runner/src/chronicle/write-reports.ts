import { foldEvents, junitOf, type SessionModel } from '@org/dte-report';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readEvents, reportFolderOf } from './event-file';

/** The session's model, from what this main job has written down; without runs if there is nothing. */
export const readModel = async (dataDir: string, sessionId: string): Promise<SessionModel> =>
  foldEvents(await readEvents(dataDir, sessionId));

/**
 * Writes the files that GitLab reads from a job's artifacts, about all commands of the session so far.
 * @throws what the file system throws
 */
export async function writeReports(dataDir: string, sessionId: string): Promise<void> {
  const model = await readModel(dataDir, sessionId);
  const path = join(reportFolderOf(dataDir), 'junit.xml');
  // A job may end at any moment, and an incomplete file is reported as broken. Several commands may end at the same time.
  const part = `${path}.${process.pid}.part`;
  try {
    await writeFile(part, junitOf(model));
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}
