import { withoutAnsi } from '@org/dte-report';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { AppendedFile } from '../chronicle/appended-file';
import { artifactUrl, reportFolderOf } from '../chronicle/report-folder';
import { dataDirOf } from '../data-folder/data-folder';
import type { Prepared } from '../prepare/prepare';
import { JobLog } from './job-log';

/** The log of a job, with its copy among the reports. */
export interface OpenedLog {
  readonly log: JobLog;
  /** True: each finished task is a section. */
  readonly sections: boolean;
  /** Resolves when the copy is complete. */
  close(): Promise<void>;
}

const size = (path: string): number => {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
};

/** Bytes in a binary megabyte, the unit of the runner's setting is a kilobyte. */
const MIB = 1024 * 1024;

const warningOf = (limitBytes: number, path: string, url: string | null): string =>
  [
    `dte: this log is getting long: GitLab's runner cuts it at ${(limitBytes / MIB).toFixed(1)} MiB (output_limit, DTE_JOB_LOG_BYTES), and what`,
    `dte: comes later, such as failures and the summary, is then only among the artifacts of this job: ${url ?? path}`,
  ].join('\n');

/**
 * Null: nothing reads sections here, or the command is not part of a session.
 * @param streams whether output is shown while tasks run: it is then not one piece for each task
 */
export function openJobLog(prepared: Prepared, streams: boolean): OpenedLog | null {
  const { resolved, workspaceRoot, surroundings, alone } = prepared;
  const { job } = surroundings;
  if (job?.foldsLog !== true || alone) return null;
  const { limits, config } = resolved;
  const dataDir = dataDirOf(resolved, workspaceRoot);
  const path = join(reportFolderOf(dataDir), 'log.txt');
  // If it cannot be written, the events cannot either, and that is said once.
  const copy = new AppendedFile({ dataDir, path, maxBytes: limits.keptLogBytes, onFailed: () => undefined });
  const sections = config.logSections && !streams;
  const log = new JobLog({
    out: process.stdout,
    err: process.stderr,
    sections,
    limitBytes: limits.jobLogBytes,
    printedBytes: size(path),
    warning: () => warningOf(limits.jobLogBytes, path, artifactUrl(job, path)),
    keep: (text) => copy.write(withoutAnsi(text)),
  });
  return {
    log,
    sections,
    close: async () => {
      log.close();
      await copy.flush();
    },
  };
}
