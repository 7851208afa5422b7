import { printable, type RendezvousRecord } from '@org/dte-protocol';
import { join } from 'node:path';
import { jobIdOf } from '../session/identity';
import type { OwnJob } from '../session/surroundings';

/** What a record says of the job that has published it; nothing outside CI. */
export type JobMark = Pick<RendezvousRecord, 'jobId' | 'jobName'>;

export function jobMarkOf(job: Pick<OwnJob, 'id' | 'name'> | null): JobMark {
  const jobId = jobIdOf(job);
  const jobName = printable(job?.name ?? '', 256);
  return {
    ...(jobId === undefined ? {} : { jobId }),
    ...(jobName === '' ? {} : { jobName }),
  };
}

/**
 * Is this the coordinator of an earlier try of this job? That try is over, whatever still answers there (where jobs are
 * not containers a process in the background may outlive its job for a while): the new try begins a session of its own.
 * Another main job of the pipeline is none; it shares its coordinator, unless DTE_ENVIRONMENT keeps them apart.
 */
export const isEarlierTry = (record: JobMark, own: JobMark): boolean =>
  record.jobId !== undefined &&
  own.jobId !== undefined &&
  record.jobId !== own.jobId &&
  record.jobName !== undefined &&
  record.jobName === own.jobName;

/** What the folders of embedded coordinators begin with. */
export const SESSION_FOLDER = 'session-';

/**
 * Folder of one coordinator below the data folder, which belongs to one process at a time: what an earlier try has left
 * there is still its own, and one job may have several sessions at once (DTE_ENVIRONMENT).
 */
export const folderOfTry = ({ jobId }: JobMark, sessionId: string): string =>
  join(
    jobId !== undefined && /^[A-Za-z0-9_-]+$/.test(jobId) ? `job-${jobId}` : '',
    `${SESSION_FOLDER}${sessionId}`,
  );
