import { DteError, type LimitValues } from '@org/dte-protocol';
import { z } from 'zod';
import type { LastSuccess } from './candidates';
import { getFromProject, type GitlabApi } from './gitlab-api';
import { SHA, type Situation } from './situation';

/** Pipelines of one page of GitLab's answer. A part of the limit `gitlabPages`. */
const PAGE_SIZE = 50;

const pipelineSchema = z.object({
  id: z.int(),
  sha: z.string().regex(SHA),
  /** Since GitLab 14.3. */
  source: z.string().optional(),
});
const pageSchema = z.array(pipelineSchema);
type PipelineEntry = z.infer<typeof pipelineSchema>;

type Branch = Extract<Situation, { kind: 'branch' }>;
type Limits = Pick<LimitValues, 'gitlabAnswerMs' | 'gitlabAnswerBytes' | 'gitlabPages'>;

/** Pipelines that run the same as a push. Others, for example scheduled ones, may have other jobs, so their success proves little. */
const USUAL_SOURCES = ['push', 'web'];

const mayVouch = ({ id, source }: PipelineEntry, situation: Branch): boolean =>
  id !== situation.pipelineId &&
  (source === undefined || source === situation.source || USUAL_SOURCES.includes(source));

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'the token is not valid or has expired',
  403: 'the token may not read pipelines: it needs the scope read_api and the role Reporter',
  404: 'the token has no access to this project',
  429: 'too many requests',
};

async function page(api: GitlabApi, branch: string, number: number, limits: Limits) {
  const query = new URLSearchParams({
    ref: branch,
    status: 'success',
    order_by: 'id',
    sort: 'desc',
    per_page: String(PAGE_SIZE),
    page: String(number),
  });
  const { status, headers, body } = await getFromProject(api, `/pipelines?${query.toString()}`, limits);
  if (status !== 200) {
    const why = REFUSALS[status] ?? 'unexpected answer';
    throw new DteError('DTE_GITLAB_API', `GitLab refused to list pipelines: status ${status}: ${why}.`);
  }
  try {
    const pipelines = pageSchema.parse(JSON.parse(body));
    return { pipelines, hasMore: Boolean(headers['x-next-page']) };
  } catch (cause) {
    throw new DteError('DTE_GITLAB_API', 'The list of pipelines from GitLab has an unexpected format.', {
      cause,
    });
  }
}

/**
 * The latest passed pipeline of the branch on a commit of this history.
 * @param isEarlier whether a commit is an ancestor of the built one, and not the same
 */
export async function findLastSuccess(
  api: GitlabApi,
  situation: Branch,
  isEarlier: (sha: string) => Promise<boolean>,
  limits: Limits,
): Promise<LastSuccess> {
  const asked = new Set<string>();
  try {
    for (let number = 1; number <= limits.gitlabPages; number++) {
      const { pipelines, hasMore } = await page(api, situation.branch, number, limits);
      for (const pipeline of pipelines.filter((entry) => mayVouch(entry, situation))) {
        const { id, sha } = pipeline;
        if (asked.has(sha)) continue;
        asked.add(sha);
        if (await isEarlier(sha)) return { kind: 'found', sha, pipelineId: id };
      }
      if (!hasMore) break;
    }
    return { kind: 'none' };
  } catch (thrown) {
    return { kind: 'unknown', why: DteError.from(thrown).message };
  }
}
