import {
  annotationsOf,
  foldEvents,
  junitOf,
  staticPage,
  traceOf,
  type JobLink,
  type SessionModel,
} from '@org/dte-report';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OwnJob } from '../session/surroundings';
import { readEvents } from './event-file';
import { artifactUrl, reportFolderOf } from './report-folder';

/** The session's model, from what this main job has written down; without runs if there is nothing. */
export const readModel = async (dataDir: string, sessionId: string): Promise<SessionModel> =>
  foldEvents(await readEvents(dataDir, sessionId));

/** The report as one page, which is opened by a double click. */
export const REPORT_PAGE = 'dte-report.html';

/** What GitLab reads, and people open, for all commands of the session. */
const REPORTS: readonly { readonly name: string; readonly render: (model: SessionModel) => string }[] = [
  { name: 'junit.xml', render: junitOf },
  { name: REPORT_PAGE, render: staticPage },
  { name: 'trace.json', render: traceOf },
];

/** What the page of the job links to, if it is there. */
const LINKS: readonly { readonly name: string; readonly label: string }[] = [
  { name: REPORT_PAGE, label: 'Report of the Nx tasks' },
  { name: 'log.txt', label: 'Log of the Nx tasks' },
];

export interface ReportsOptions {
  readonly dataDir: string;
  readonly sessionId: string;
  readonly job: Pick<OwnJob, 'artifactsUrl' | 'projectDir'> | null;
}

/**
 * Writes the files that GitLab reads from a job's artifacts, about all commands of the session so far. Nothing is written if there
 * were none.
 * @returns the model
 * @throws what the file system throws
 */
export async function writeReports({ dataDir, sessionId, job }: ReportsOptions): Promise<SessionModel> {
  const model = await readModel(dataDir, sessionId);
  if (model.runs.length === 0) return model;
  const folder = reportFolderOf(dataDir);
  await mkdir(folder, { recursive: true });
  for (const { name, render } of REPORTS) await writeWhole(join(folder, name), render(model));
  const links = LINKS.flatMap(({ name, label }): JobLink[] => {
    const path = join(folder, name);
    const url = existsSync(path) ? artifactUrl(job, path) : null;
    return url === null ? [] : [{ label, url }];
  });
  if (links.length > 0) await writeWhole(join(folder, 'annotations.json'), annotationsOf(links));
  return model;
}

/** A job may end at any moment, and an incomplete file is reported as broken. Several commands may end at the same time. */
async function writeWhole(path: string, text: string): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    await writeFile(part, text);
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}
