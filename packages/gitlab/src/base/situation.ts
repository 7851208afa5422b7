import type { GitlabJob } from '../job';

/** The kind of pipeline, as far as it decides what to compare with. */
export type Situation =
  /** Merge request pipelines: detached, merged results and merge trains. */
  | {
      readonly kind: 'merge-request';
      /** The merge base of the merge request with its target; an ancestor of the built commit in all three. */
      readonly diffBase: string | null;
      readonly targetBranch: string | null;
    }
  | {
      readonly kind: 'branch';
      readonly branch: string;
      readonly isDefault: boolean;
      readonly defaultBranch: string;
      /** The commit of the branch before the push; null if GitLab does not provide it (new branch, schedule, started by hand). */
      readonly before: string | null;
      /** Why the pipeline was started, as in `CI_PIPELINE_SOURCE`. */
      readonly source: string | null;
      readonly pipelineId: number | null;
    }
  | { readonly kind: 'tag'; readonly tag: string }
  /** Not on GitLab. */
  | { readonly kind: 'local'; readonly defaultBranch: string };

/** A full object name, SHA-1 or SHA-256. */
export const SHA = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const NONE = /^0+$/;

/** Null for anything that is not a commit: GitLab writes zeros if there is none. */
const commitOf = (value: string | null): string | null =>
  value !== null && SHA.test(value) && !NONE.test(value) ? value : null;

const FALLBACK_BRANCH = 'main';

/**
 * The pipeline of a job, as described by GitLab.
 * @param nxDefaultBase `defaultBase` of nx.json: used if GitLab names no default branch
 */
export function readSituation(
  job: GitlabJob | null,
  nxDefaultBase: string | null = null,
): { readonly situation: Situation; readonly head: string | null } {
  const defaultBranch = job?.defaultBranch ?? nxDefaultBase ?? FALLBACK_BRANCH;
  if (job === null) return { situation: { kind: 'local', defaultBranch }, head: null };
  const head = commitOf(job.commit);
  const diffBase = commitOf(job.mergeRequestDiffBase);
  if (job.mergeRequest !== null || diffBase !== null)
    return { situation: { kind: 'merge-request', diffBase, targetBranch: job.mergeRequestTarget }, head };
  if (job.tag !== null) return { situation: { kind: 'tag', tag: job.tag }, head };
  if (job.branch === null) return { situation: { kind: 'local', defaultBranch }, head };
  const situation: Situation = {
    kind: 'branch',
    branch: job.branch,
    isDefault: job.branch === defaultBranch,
    defaultBranch,
    before: commitOf(job.commitBefore),
    source: job.pipelineSource,
    pipelineId: job.pipelineId === null ? null : Number(job.pipelineId),
  };
  return { situation, head };
}
