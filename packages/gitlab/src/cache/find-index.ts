import { isProposal, TRUSTED } from '@org/dte-cache';
import type { ArtifactsApi, JobEntry, PipelineEntry } from './artifacts-api';
import { type CacheIndex, INDEX_FILE, parseIndex } from './index-file';

/** Whose index is wanted. */
export interface Wanted {
  /** As the pipelines API names it: `main`, or `refs/merge-requests/7/head`. */
  readonly ref: string;
  readonly isTag: boolean;
  /** Only that of a pipeline which was not one of a merge request. The caller has asked GitLab whether the ref is protected. */
  readonly isTrusted: boolean;
}

interface Search {
  readonly api: ArtifactsApi;
  /** Of this process: the index of a job with another name is for others. */
  readonly own: JobEntry;
  /** Path of the cache's folder in the artifacts. */
  readonly folder: string;
}

/**
 * Pipelines of a ref whose main job is looked for. More than one, because a pipeline may be running, cancelled or without a main job;
 * not many, because each costs a request. Not configurable: ten pipelines without one finished main job are an exception.
 */
const MOST_PIPELINES = 10;

const CHILD = 'parent_pipeline';

/**
 * The index of the newest pipeline that has one. GitLab alone says which pipeline, ref and project a job belongs to; the index is
 * read from that job's artifacts, and if it names another job, it is none. Of a branch that is protected only since then, an index says
 * itself that it is not trusted.
 * @throws DteError DTE_CACHE_REFUSED, DTE_GITLAB_API
 */
export async function findIndex(search: Search, wanted: Wanted): Promise<CacheIndex | null> {
  const { api, own, folder } = search;
  const path = `${folder}/${INDEX_FILE}`;
  for (const pipelineId of await pipelinesFor(search, wanted)) {
    for (const job of await api.jobsOf(pipelineId, own.name)) {
      if (!isVouchedFor(job, search, wanted)) continue;
      const content = await api.file(job.id, path);
      const index = content === null ? null : parseIndex(content, expiryOf(job));
      if (index !== null && isOf(index, job) && (!wanted.isTrusted || index.scope === TRUSTED)) return index;
    }
  }
  return null;
}

/** Ids of pipelines that may have it, the newest first. They prove nothing yet. */
async function pipelinesFor({ api, own, folder }: Search, wanted: Wanted): Promise<readonly number[]> {
  if (api.listsPipelines) {
    const children = own.pipeline.source === CHILD;
    const found = await api.pipelinesOf(wanted.ref, children, MOST_PIPELINES);
    return found.filter((each) => isOfKind(each, own, wanted)).map(({ id }) => id);
  }
  // All that a job token may ask for: the file of the latest pipeline, without its pipeline. The index names it.
  const hint = await api.latestFile(wanted.ref, own.name, `${folder}/${INDEX_FILE}`);
  const index = hint === null ? null : parseIndex(hint, null);
  return index === null ? [] : [Number(index.pipelineId)];
}

/** Everything here is what GitLab says. All requests are below the own project: GitLab knows no job of another one there. */
function isVouchedFor({ pipeline, tag }: JobEntry, { own }: Search, wanted: Wanted): boolean {
  return pipeline.ref === wanted.ref && tag === wanted.isTag && isOfKind(pipeline, own, wanted);
}

/**
 * What is missing counts against trust. For the own ref: a branch may have the name that GitLab gives to a merge request's ref, so both
 * must be of one, or neither.
 */
function isOfKind({ source }: Pick<PipelineEntry, 'source'>, own: JobEntry, { isTrusted }: Wanted): boolean {
  if (source === undefined) return false;
  if (isTrusted) return !isProposal(source);
  return isProposal(source) === isProposal(own.pipeline.source ?? '');
}

/** A folder that a runner has kept from another job has that job's index. */
const isOf = (index: CacheIndex, { id, pipeline }: JobEntry): boolean =>
  index.jobId === String(id) && index.pipelineId === String(pipeline.id);

function expiryOf({ artifacts_expire_at: text }: JobEntry): number | null {
  const atMs = Date.parse(text ?? '');
  return Number.isNaN(atMs) ? null : atMs;
}
