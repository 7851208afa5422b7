import { z } from 'zod';
import type { Env } from '@org/dte-config';

/** What kind of pipeline this is, as far as it decides what changes are compared with. */
export type Situation =
  /** Merge request pipelines: detached, merged results and merge trains. */
  | {
      readonly kind: 'merge-request';
      /** Where the merge request's branch left its target; an ancestor of what is built in all three. */
      readonly diffBase: string | null;
      readonly targetBranch: string | null;
    }
  | {
      readonly kind: 'branch';
      readonly branch: string;
      readonly isDefault: boolean;
      readonly defaultBranch: string;
      /** What the branch pointed at before the push; null when GitLab does not say (new branch, schedule, by hand). */
      readonly before: string | null;
      /** Why the pipeline was started, as `CI_PIPELINE_SOURCE` has it. */
      readonly source: string | null;
      readonly pipelineId: number | null;
    }
  | { readonly kind: 'tag'; readonly tag: string }
  /** Not on GitLab. */
  | { readonly kind: 'local'; readonly defaultBranch: string };

/** A full object name, SHA-1 or SHA-256. */
export const SHA = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const NONE = /^0+$/;

/** CI systems set variables to the empty string when they mean "not set". */
const text = z
  .string()
  .optional()
  .transform((value) => (value === undefined || value === '' ? null : value));
/** Null for anything that is no commit: GitLab writes zeros when there is none. */
const commit = text.transform((value) =>
  value !== null && SHA.test(value) && !NONE.test(value) ? value : null,
);

const variablesSchema = z.object({
  CI_COMMIT_BRANCH: text,
  CI_COMMIT_TAG: text,
  CI_COMMIT_SHA: commit,
  CI_COMMIT_BEFORE_SHA: commit,
  CI_DEFAULT_BRANCH: text,
  CI_MERGE_REQUEST_IID: text,
  CI_MERGE_REQUEST_DIFF_BASE_SHA: commit,
  CI_MERGE_REQUEST_TARGET_BRANCH_NAME: text,
  CI_PIPELINE_ID: text.transform((value) => (value === null ? null : Number(value))),
  CI_PIPELINE_SOURCE: text,
});

const FALLBACK_BRANCH = 'main';

/**
 * Reads GitLab's predefined variables.
 * @param nxDefaultBase `defaultBase` of nx.json: stands in where GitLab names no default branch
 */
export function readSituation(
  env: Env,
  nxDefaultBase: string | null = null,
): { readonly situation: Situation; readonly head: string | null } {
  const ci = variablesSchema.parse(env);
  const defaultBranch = ci.CI_DEFAULT_BRANCH ?? nxDefaultBase ?? FALLBACK_BRANCH;
  const head = ci.CI_COMMIT_SHA;
  if (ci.CI_MERGE_REQUEST_IID !== null || ci.CI_MERGE_REQUEST_DIFF_BASE_SHA !== null) {
    const situation: Situation = {
      kind: 'merge-request',
      diffBase: ci.CI_MERGE_REQUEST_DIFF_BASE_SHA,
      targetBranch: ci.CI_MERGE_REQUEST_TARGET_BRANCH_NAME,
    };
    return { situation, head };
  }
  if (ci.CI_COMMIT_TAG !== null) return { situation: { kind: 'tag', tag: ci.CI_COMMIT_TAG }, head };
  if (ci.CI_COMMIT_BRANCH === null) return { situation: { kind: 'local', defaultBranch }, head };
  const situation: Situation = {
    kind: 'branch',
    branch: ci.CI_COMMIT_BRANCH,
    isDefault: ci.CI_COMMIT_BRANCH === defaultBranch,
    defaultBranch,
    before: ci.CI_COMMIT_BEFORE_SHA,
    source: ci.CI_PIPELINE_SOURCE,
    pipelineId: ci.CI_PIPELINE_ID,
  };
  return { situation, head };
}
