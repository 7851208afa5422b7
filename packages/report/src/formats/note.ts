import type { SessionModel } from '../model/model';
import { markdownOf } from './markdown';
import { inText, linked } from './markdown-text';

/** What a note says beyond the model. */
export interface NoteContext {
  /** The job has failed or was cancelled, for whatever reason; null: not known, because the job has not ended yet. */
  readonly jobFailed: boolean | null;
  /** Address of the job. */
  readonly jobUrl: string | null;
  /** Address of the whole report, if it has one. */
  readonly reportUrl: string | null;
  readonly commit: string | null;
}

export interface Note {
  /** The job, as far as is known, and all its commands passed. */
  readonly isGreen: boolean;
  /** GitLab Flavored Markdown. */
  readonly text: string;
  /** Without any, there is nothing to say that GitLab does not say itself. */
  readonly hasCommands: boolean;
}

/** Characters of a commit's id that people read. */
const SHORT_SHA = 8;

const link = (text: string, url: string | null): string[] => (url === null ? [] : [linked(text, url)]);

/**
 * A line that begins with a slash may be a command to GitLab (`/approve`), executed with the rights of the token's user, and
 * versions differ in which fences protect a line.
 */
const withoutCommands = (text: string): string => text.replace(/^\//gm, ' /');

const UNENDED = '❌ **A command did not end.**';
const UNTOLD = '❌ **A command did not end, or nobody said how.**';
const TASKS_ONLY =
  'This is about the Nx tasks. Whether the job itself passed was not known when it was written.';

/** The note of a merge request about one main job. */
export function noteOf(model: SessionModel, { jobFailed, jobUrl, reportUrl, commit }: NoteContext): Note {
  const { runs } = model;
  const passed = runs.every(({ ok }) => ok === true);
  const isGreen = passed && jobFailed !== true;
  const text = [
    // The summary below is about tasks only, and says that they passed.
    ...(jobFailed === true && passed
      ? ['❌ **The job failed**, and not because of a task: see its log.', '']
      : []),
    ...(!passed && runs.some(({ ok }) => ok === null) ? [jobFailed === null ? UNTOLD : UNENDED, ''] : []),
    runs.length === 0 ? 'No Nx task was distributed.\n' : markdownOf(model),
    ...(jobFailed === null ? [TASKS_ONLY, ''] : []),
    [
      ...link('Report', reportUrl),
      ...link('Log', jobUrl),
      ...(commit === null ? [] : [inText(commit.slice(0, SHORT_SHA))]),
    ].join(' · '),
  ];
  return { isGreen, text: withoutCommands(text.join('\n')).trimEnd(), hasCommands: runs.length > 0 };
}
