import { printable, type RendezvousRecord } from '@org/dte-protocol';
import { join } from 'node:path';
import { jobIdOf } from '../session/identity';
import type { OwnJob } from '../session/surroundings';

/** The job that published a record, as named there; empty outside CI. */
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
 * Is this the coordinator of an earlier try of this job? That try has ended, whatever still answers there (if jobs are
 * not containers, a background process may outlive its job for a while): the new try starts its own session. Another
 * main job of the pipeline is not an earlier try; it shares its coordinator, unless DTE_ENVIRONMENT separates them.
 */
export const isEarlierTry = (record: JobMark, own: JobMark): boolean =>
  record.jobId !== undefined &&
  own.jobId !== undefined &&
  record.jobId !== own.jobId &&
  record.jobName !== undefined &&
  record.jobName === own.jobName;

/** Prefix of the folders of embedded coordinators. */
export const SESSION_FOLDER = 'session-';

/**
 * Folder of one coordinator in the data folder, for one process at a time. The data of an earlier try is still that
 * coordinator's, and one job may have several sessions at once (DTE_ENVIRONMENT).
 */
export const folderOfTry = ({ jobId }: JobMark, sessionId: string): string =>
  join(
    jobId !== undefined && /^[A-Za-z0-9_-]+$/.test(jobId) ? `job-${jobId}` : '',
    `${SESSION_FOLDER}${sessionId}`,
  );
