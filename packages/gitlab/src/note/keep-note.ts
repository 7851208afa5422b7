import type { LimitValues } from '@org/dte-protocol';
import type { GitlabJob } from '../job';
import { NotesApi, type NotesAccess } from './notes-api';

/** GitLab's limit of a note, in characters. */
const NOTE_CHARS = 1_000_000;

export interface NoteToKeep {
  /** Separates the notes of several main jobs of a pipeline: letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  readonly pipelineId: string;
  /** GitLab Flavored Markdown. */
  readonly text: string;
  /** Whether to write one if there is none yet. */
  readonly creates: boolean;
}

/** `newer`: that of a newer pipeline is there, and stays. */
export type KeptNote = 'created' | 'updated' | 'unchanged' | 'newer' | 'none';

const markerOf = (name: string): string => `<!-- dte:${name} -->\n`;
const PIPELINE = /<!-- dte-pipeline:(\d{1,18}) -->/;

/** What is needed for the notes of the job's merge request; null outside of merge request pipelines. */
export function notesAccessOf(
  job: GitlabJob | null,
  token: string | undefined,
  ca: readonly string[],
): NotesAccess | null {
  if (job === null || token === undefined || job.apiUrl === null || job.mergeRequest === null) return null;
  const projectId = job.mergeRequestProject ?? job.projectId;
  return projectId === null
    ? null
    : { apiUrl: job.apiUrl, projectId, mergeRequest: job.mergeRequest, token, ca };
}

/**
 * Keeps one note about a main job in its merge request, found by an invisible marker and edited in place. A pipeline that ends late
 * does not replace what a newer one has written: an old success would hide a new failure.
 * @throws DteError DTE_GITLAB_API
 */
export async function keepNote(
  access: NotesAccess,
  { name, pipelineId, text, creates }: NoteToKeep,
  limits: Pick<LimitValues, 'gitlabAnswerMs' | 'gitlabAnswerBytes' | 'noteMs'>,
): Promise<KeptNote> {
  const api = new NotesApi(access, limits);
  const marker = markerOf(name);
  const head = `${marker}<!-- dte-pipeline:${pipelineId} -->\n\n`;
  const body = head + fitting(text, NOTE_CHARS - head.length);
  const found = await api.find((other) => other.replaceAll('\r\n', '\n').startsWith(marker));
  if (found === null) {
    if (!creates) return 'none';
    await api.create(body);
    return 'created';
  }
  const [, before = '0'] = PIPELINE.exec(found.body) ?? [];
  if (BigInt(before) > BigInt(pipelineId)) return 'newer';
  if (found.body === body) return 'unchanged';
  await api.update(found, body);
  return 'updated';
}

/** The first paragraph has the result, and a part of the rest could be half of a block of code. */
const fitting = (text: string, chars: number): string =>
  text.length <= chars ? text : (text.split('\n\n')[0] ?? '').slice(0, chars);
