import { DteError, type LimitValues } from '@org/dte-protocol';
import { z } from 'zod';
import { gitlabCall, type GitlabAnswer } from '../http';

/** Notes of one page of GitLab's answer, the most it gives. */
const PAGE_SIZE = 100;
/** Pages that are searched. Beyond, no note is written: it would be another one in each pipeline. */
const PAGES = 20;

const userSchema = z.object({ id: z.int() });
const noteSchema = z.object({ id: z.int(), body: z.string(), author: z.object({ id: z.int() }) });
export type GitlabNote = z.infer<typeof noteSchema>;

export interface NotesAccess {
  /** `https://gitlab.example.com/api/v4` */
  readonly apiUrl: string;
  /** The project of the merge request. */
  readonly projectId: string;
  readonly mergeRequest: string;
  /** May read and write notes (scope `api`, role Reporter or higher); CI_JOB_TOKEN may not write. */
  readonly token: string;
  /** CA certificates that are trusted in addition to the usual ones, PEM. */
  readonly ca: readonly string[];
}

type Limits = Pick<LimitValues, 'gitlabAnswerMs' | 'gitlabAnswerBytes' | 'noteMs'>;

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'the token is not valid or has expired',
  403: 'the token may not do that: it needs the scope api and at least the role Reporter',
  404: 'the token has no access to this merge request',
  429: 'too many requests',
};

/** The notes of one merge request. All its requests together take no longer than `noteMs`. */
export class NotesApi {
  private readonly deadlineMs: number;

  constructor(
    private readonly access: NotesAccess,
    private readonly limits: Limits,
  ) {
    this.deadlineMs = Date.now() + limits.noteMs;
  }

  /**
   * The first note of the token's own user for which `matches` holds; null if there is none. A note of somebody else is never taken
   * for ours, whatever it says.
   * @throws DteError DTE_GITLAB_API
   */
  async find(matches: (body: string) => boolean): Promise<GitlabNote | null> {
    const me = parsed(userSchema, await this.call('GET', '/user'));
    for (let number = 1; number <= PAGES; number++) {
      const query = `?sort=asc&order_by=created_at&per_page=${PAGE_SIZE}&page=${number}`;
      const answer = await this.call('GET', `${this.path}${query}`);
      const notes = parsed(z.array(noteSchema), answer);
      const found = notes.find(({ author, body }) => author.id === me.id && matches(body));
      if (found !== undefined) return found;
      if (!answer.headers['x-next-page']) return null;
    }
    throw new DteError('DTE_GITLAB_API', `The merge request has more than ${PAGES * PAGE_SIZE} notes.`);
  }

  /** @throws DteError DTE_GITLAB_API */
  async create(body: string): Promise<void> {
    await this.call('POST', this.path, body);
  }

  /** @throws DteError DTE_GITLAB_API */
  async update({ id }: GitlabNote, body: string): Promise<void> {
    await this.call('PUT', `${this.path}/${id}`, body);
  }

  private get path(): string {
    const { projectId, mergeRequest } = this.access;
    return `/projects/${encodeURIComponent(projectId)}/merge_requests/${encodeURIComponent(mergeRequest)}/notes`;
  }

  private async call(method: 'GET' | 'POST' | 'PUT', path: string, note?: string): Promise<GitlabAnswer> {
    const { apiUrl, token, ca } = this.access;
    const { gitlabAnswerMs, gitlabAnswerBytes } = this.limits;
    const leftMs = this.deadlineMs - Date.now();
    try {
      if (leftMs <= 0) throw new Error('GitLab is too slow');
      const answer = await gitlabCall({
        method,
        url: new URL(`${apiUrl}${path}`),
        ca,
        headers: { 'private-token': token, accept: 'application/json', 'content-type': 'application/json' },
        timeoutMs: Math.min(leftMs, gitlabAnswerMs),
        maxBytes: gitlabAnswerBytes,
        ...(note === undefined ? {} : { body: JSON.stringify({ body: note }) }),
      });
      if (answer.status === 200 || answer.status === 201) return answer;
      throw new Error(`status ${answer.status}: ${REFUSALS[answer.status] ?? 'unexpected answer'}`);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new DteError('DTE_GITLAB_API', `The note of the merge request was not written: ${why}.`, {
        cause: thrown,
      });
    }
  }
}

function parsed<T>(schema: z.ZodType<T>, { body }: GitlabAnswer): T {
  try {
    return schema.parse(JSON.parse(body));
  } catch (cause) {
    const message =
      'The note of the merge request was not written: an answer of GitLab has an unexpected format.';
    throw new DteError('DTE_GITLAB_API', message, { cause });
  }
}
