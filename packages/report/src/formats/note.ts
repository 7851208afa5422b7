import type { SessionModel } from '../model/model';
import { markdownOf } from './markdown';

/** What a note says beyond the model. */
export interface NoteContext {
  /** The job has failed or was cancelled, for whatever reason. */
  readonly jobFailed: boolean;
  /** Address of the job. */
  readonly jobUrl: string | null;
  /** Address of the whole report, if it has one. */
  readonly reportUrl: string | null;
  readonly commit: string | null;
}

export interface Note {
  /** The job and all its commands passed. */
  readonly isGreen: boolean;
  /** GitLab Flavored Markdown. */
  readonly text: string;
}

/** Characters of a commit's id that people read. */
const SHORT_SHA = 8;

const link = (text: string, url: string | null): string[] =>
  url === null ? [] : [`[${text}](${encodeURI(url)})`];

/** The note of a merge request about one main job. */
export function noteOf(model: SessionModel, { jobFailed, jobUrl, reportUrl, commit }: NoteContext): Note {
  const { runs } = model;
  const passed = runs.every(({ ok }) => ok === true);
  const isGreen = passed && !jobFailed;
  const text = [
    // The summary below is about tasks only, and says that they passed.
    ...(jobFailed && passed ? ['❌ **The job failed**, and not because of a task: see its log.', ''] : []),
    ...(!passed && runs.some(({ ok }) => ok === null) ? ['❌ **A command did not end.**', ''] : []),
    runs.length === 0 ? 'No Nx task was distributed.\n' : markdownOf(model),
    [
      ...link('Report', reportUrl),
      ...link('Log', jobUrl),
      ...(commit === null ? [] : [commit.slice(0, SHORT_SHA)]),
    ].join(' · '),
  ];
  return { isGreen, text: text.join('\n') };
}
