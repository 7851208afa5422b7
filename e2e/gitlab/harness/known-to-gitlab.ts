import { existsSync } from 'node:fs';
import { artifactsOf, type FakeGitlab } from '@org/dte-testing';
import type { JobVariables } from './job-environment';
import { gitlabNameOf, type PipelineRun } from './pipeline-run';

const MERGE_REQUEST = 'merge_request_event';

/** The ref as the API names it, and the claims of an id token that follow from it. */
function refOf({ CI_PIPELINE_SOURCE: source = 'push', ...job }: JobVariables) {
  const { CI_COMMIT_BRANCH, CI_MERGE_REQUEST_IID, CI_COMMIT_REF_NAME } = job;
  if (source === MERGE_REQUEST)
    return {
      source,
      ref: `refs/merge-requests/${CI_MERGE_REQUEST_IID ?? ''}/head`,
      claims: {
        ref: `branch-of-${CI_MERGE_REQUEST_IID ?? ''}`,
        ref_protected: 'false',
        pipeline_source: source,
      },
    };
  const ref = CI_COMMIT_BRANCH ?? CI_COMMIT_REF_NAME ?? 'main';
  const isProtected = String(ref === 'main');
  return { source, ref, claims: { ref, ref_protected: isProtected, pipeline_source: source } };
}

/** Adds a job that starts, and its pipeline, to what the instance knows. @returns claims for its id token */
export function addToGitlab(
  gitlab: FakeGitlab,
  projectId: number,
  job: JobVariables,
): Record<string, string> {
  const { CI_JOB_ID = '', CI_PIPELINE_ID = '', CI_COMMIT_SHA: sha = '', CI_JOB_NAME = '' } = job;
  const { ref, source, claims } = refOf(job);
  gitlab.addPipeline({ id: Number(CI_PIPELINE_ID), projectId, ref, sha, source, status: 'running' });
  const name = gitlabNameOf(CI_JOB_NAME);
  gitlab.addJob({ id: Number(CI_JOB_ID), pipelineId: Number(CI_PIPELINE_ID), name, status: 'running' });
  return claims;
}

/** What a runner does after a job that has passed: it uploads what the job keeps of this folder. @returns as the instance answers */
export function upload(
  gitlab: FakeGitlab,
  run: PipelineRun,
  { name, id }: { name: string; id: string },
  folder: string,
): number {
  const job = gitlab.jobOf(Number(id));
  gitlab.addJob({ ...job, status: 'success' });
  gitlab.endPipeline(job.pipelineId, 'success');
  const archive = run.artifact(name, '');
  if (!existsSync(run.artifact(name, folder))) return 404;
  return gitlab.uploadArtifacts(job.id, artifactsOf(archive.replace(/\/$/, ''), folder));
}
