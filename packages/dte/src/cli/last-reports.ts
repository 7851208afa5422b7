import { keepNote, notesAccessOf } from '@org/dte-gitlab';
import { DteError } from '@org/dte-protocol';
import { noteOf, type SessionModel } from '@org/dte-report';
import { artifactUrl, dataDirOf, REPORT_PAGE, reportFolderOf, writeReports } from '@org/dte-runner';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { say, warn, type CliContext } from './context';
import { keepDurations } from './known-durations';

/** What GITLAB calls the result of a script that did not pass, in `after_script`. */
const FAILED: readonly (string | null)[] = ['failed', 'canceled'];

/**
 * The reports of a job whose script is over, also of one that was stopped in the middle of a command, and the note of its merge
 * request. Never throws: the work of the job is done.
 */
export async function lastReports(context: CliContext): Promise<void> {
  const { resolved, surroundings, sessionId, workspaceRoot } = context;
  if (surroundings.job === null) return;
  try {
    const dataDir = dataDirOf(resolved, workspaceRoot);
    const model = await writeReports({ dataDir, sessionId, job: surroundings.job });
    keepDurations(context);
    await writeNote(context, model, join(reportFolderOf(dataDir), REPORT_PAGE));
  } catch (thrown) {
    warn(DteError.from(thrown).message);
  }
}

type JobContext = Pick<CliContext, 'resolved' | 'surroundings'>;

function noteAccessOf({ resolved, surroundings: { job, authorities } }: JobContext) {
  const { note, noteToken } = resolved.config;
  return note === 'off' || job?.pipelineId == null ? null : notesAccessOf(job, noteToken, authorities);
}

/** Does this job write the note of its merge request? Then its coordinator does not need to. */
export const writesNote = (context: JobContext): boolean => noteAccessOf(context) !== null;

async function writeNote(
  { resolved, surroundings }: CliContext,
  model: SessionModel,
  page: string,
): Promise<void> {
  const { config, limits } = resolved;
  const { job } = surroundings;
  const access = noteAccessOf({ resolved, surroundings });
  if (access === null || job?.pipelineId == null) return;
  const note = noteOf(model, {
    jobFailed: FAILED.includes(job.status),
    jobUrl: job.url,
    reportUrl: existsSync(page) ? artifactUrl(job, page) : null,
    commit: job.commit,
  });
  const { text, isGreen, hasCommands } = note;
  const creates = hasCommands && (config.note === 'always' || !isGreen);
  const name = config.environment ?? 'main';
  const kept = await keepNote(access, { name, pipelineId: job.pipelineId, text, creates }, limits);
  if (kept !== 'none') say(`dte: note in merge request !${access.mergeRequest}: ${SAID[kept]}`);
}

/** In the log. */
export const SAID = {
  created: 'written',
  updated: 'updated',
  unchanged: 'unchanged',
  newer: 'that of a newer pipeline stays',
} as const;
