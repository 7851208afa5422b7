import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { OwnJob } from '../session/surroundings';

/** Where the reports of a main job are, below its data folder. */
export const reportFolderOf = (dataDir: string): string => join(dataDir, 'report');

/**
 * Removes what another job has left in the folder of the reports: a pipeline that caches `.nx`, or a runner that keeps ignored
 * files, would otherwise show the results of an earlier pipeline as those of this one. Outside CI, a folder is for one session after
 * the other, and nothing is removed. Never throws: without the folder, there is only no report.
 */
export function beginReports(dataDir: string, job: Pick<OwnJob, 'id'> | null): void {
  const mark = job?.id ?? null;
  if (mark === null) return;
  const path = join(dataDir, 'report-of');
  try {
    if (read(path) === mark) return;
    rmSync(reportFolderOf(dataDir), { recursive: true, force: true });
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(path, mark);
  } catch {
    // What writes the reports says why it cannot.
  }
}

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

/** The address of a file among the artifacts of the job; null if CI shows none. */
export function artifactUrl(
  job: Pick<OwnJob, 'artifactsUrl' | 'projectDir'> | null,
  path: string,
): string | null {
  const { artifactsUrl, projectDir } = job ?? { artifactsUrl: null, projectDir: null };
  if (artifactsUrl === null || projectDir === null) return null;
  const parts = relative(projectDir, path).split(sep);
  // Only what is in the clone can be an artifact.
  if (parts[0] === '..' || parts[0] === '') return null;
  return `${artifactsUrl}/${parts.map(encodeURIComponent).join('/')}`;
}
