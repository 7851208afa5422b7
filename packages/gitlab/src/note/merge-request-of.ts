import { DteError, type LimitValues } from '@org/dte-protocol';
import { z } from 'zod';
import { gitlabCall } from '../http';

/** Pipelines of a merge request that are searched: one page, the newest first. That of a child has just run. */
const PIPELINES = 100;

/** The ref of a pipeline of a merge request: of its branch, of the result of the merge, or in a merge train. */
const REF = /^refs\/merge-requests\/(\d{1,18})\/(?:head|merge|train)$/;

const shaSchema = z.string().regex(/^[0-9a-f]{40,64}$/);
const pipelineSchema = z.object({
  id: z.int(),
  ref: z.string(),
  source: z.string(),
  sha: shaSchema,
  web_url: z.url({ protocol: /^https?$/ }).optional(),
});
const relativesSchema = z.array(z.object({ ref: z.string(), sha: z.string(), source: z.string() }));

/** A pipeline, and how to ask for it. */
export interface PipelineAccess {
  /** `https://gitlab.example.com/api/v4` */
  readonly apiUrl: string;
  readonly projectId: string;
  readonly pipelineId: string;
  /** May read pipelines and merge requests (scope `api` or `read_api`). */
  readonly token: string;
  /** CA certificates that are trusted in addition to the usual ones, PEM. */
  readonly ca: readonly string[];
}

export interface MergeRequestPipeline {
  /** Number of the merge request in the project of the pipeline. */
  readonly mergeRequest: string;
  readonly commit: string;
  /** Page of the pipeline. */
  readonly url: string | null;
}

type Limits = Pick<LimitValues, 'gitlabAnswerMs' | 'gitlabAnswerBytes'>;

/**
 * The merge request of a pipeline, as GitLab knows it; null if it has none here. That of a pipeline in a fork is in another project,
 * so it has none.
 * @throws DteError DTE_GITLAB_API
 */
export async function mergeRequestOf(
  access: PipelineAccess,
  limits: Limits,
): Promise<MergeRequestPipeline | null> {
  const { pipelineId } = access;
  const pipeline = await get(access, `/pipelines/${encodeURIComponent(pipelineId)}`, pipelineSchema, limits);
  const { ref, source, sha, web_url: url = null } = pipeline;
  const mergeRequest = REF.exec(ref)?.[1];
  if (mergeRequest === undefined) return null;
  const isIts = (other: { ref: string; source: string }): boolean =>
    other.ref === ref && other.source === 'merge_request_event';
  // A branch may have a name that looks like the ref of a merge request; its pipelines have another source.
  if (isIts(pipeline)) return { mergeRequest, commit: sha, url };
  if (source !== 'parent_pipeline') return null;
  // The parent of a child pipeline is one of the merge request, of the same commit.
  const path = `/merge_requests/${mergeRequest}/pipelines?per_page=${PIPELINES}`;
  const relatives = await get(access, path, relativesSchema, limits);
  const hasParent = relatives.some((other) => isIts(other) && other.sha === sha);
  return hasParent ? { mergeRequest, commit: sha, url } : null;
}

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'the token is not valid or has expired',
  403: 'the token may not read pipelines: it needs the scope api and at least the role Reporter',
  404: 'the token has no access to this project',
  429: 'too many requests',
};

async function get<T>(
  access: PipelineAccess,
  path: string,
  schema: z.ZodType<T>,
  limits: Limits,
): Promise<T> {
  const { apiUrl, projectId, token, ca } = access;
  try {
    const { status, body } = await gitlabCall({
      method: 'GET',
      url: new URL(`${apiUrl}/projects/${encodeURIComponent(projectId)}${path}`),
      ca,
      headers: { 'private-token': token, accept: 'application/json' },
      timeoutMs: limits.gitlabAnswerMs,
      maxBytes: limits.gitlabAnswerBytes,
    });
    if (status !== 200) throw new Error(`status ${status}: ${REFUSALS[status] ?? 'unexpected answer'}`);
    return parsed(schema, body);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new DteError('DTE_GITLAB_API', `The merge request of the pipeline is not known: ${why}.`, {
      cause: thrown,
    });
  }
}

function parsed<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error('an answer of GitLab has an unexpected format', { cause });
  }
}
