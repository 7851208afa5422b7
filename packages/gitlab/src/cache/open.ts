import { cacheAccessOf, type SharedCache } from '@org/dte-cache';
import { readOwnIdToken } from '@org/dte-identity';
import { DteError } from '@org/dte-protocol';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { GitlabJob } from '../job';
import { CACHE_FOLDER } from '../pipeline/shared-job';
import { GitlabArtifactsCache, type GitlabArtifactsOptions } from './gitlab-artifacts-cache';

export interface OpenOptions extends Pick<GitlabArtifactsOptions, 'limits'> {
  /** Gets a line if there is no cache. */
  readonly note: (line: string) => void;
  /** The coordinator is part of a job, and ends with it. */
  readonly embedded: boolean;
  readonly job: GitlabJob | null;
  /** Of this job. It decides only what this job looks for and what it says of its own results: readers ask GitLab. */
  readonly idToken: string | undefined;
  /** With scope `read_api`. */
  readonly token: string | undefined;
  /** CA certificates that are trusted in addition to the usual ones, PEM. */
  readonly ca: readonly string[];
  readonly workspaceRoot: string;
}

/**
 * The shared cache of a main job in the job artifacts of its project. Null, after a note, if its folder cannot be made: without it,
 * the job works as well.
 * @throws DteError DTE_BAD_CONFIG outside of GitLab jobs, or without an id token; DTE_ID_TOKEN_REFUSED
 */
export function openGitlabArtifacts(options: OpenOptions): SharedCache | null {
  const given = optionsOf(options);
  try {
    hideFromNx(dirname(given.folder));
    return new GitlabArtifactsCache(given);
  } catch (thrown) {
    options.note(`the shared cache is off for this job: ${DteError.from(thrown).message}`);
    return null;
  }
}

function optionsOf({
  embedded,
  job,
  idToken,
  token,
  ca,
  workspaceRoot,
  limits,
}: OpenOptions): GitlabArtifactsOptions {
  if (!embedded)
    throw bad(
      'a standalone coordinator has no job whose artifacts it could fill: use the store coordinator or s3',
    );
  const { apiUrl, projectId, pipelineId, id: jobId, token: jobToken, projectDir } = job ?? {};
  if (!apiUrl || !projectId || !pipelineId || !jobId || !jobToken || !projectDir)
    throw bad('it works only in jobs of GitLab');
  if (idToken === undefined)
    throw bad('the job has no id token: it needs the keyword id_tokens with DTE_ID_TOKEN');
  const branches = [job?.mergeRequestTarget, job?.defaultBranch].filter((branch) => branch != null);
  return {
    limits,
    access: { apiUrl, projectId, jobToken, token: token ?? null, ca },
    area: cacheAccessOf(readOwnIdToken(idToken)),
    pipelineId,
    jobId,
    folder: join(workspaceRoot, CACHE_FOLDER),
    path: pathIn(projectDir, workspaceRoot),
    branches: [...new Set(branches)],
  };
}

/** GitLab's paths start at the clone. */
function pathIn(projectDir: string, workspaceRoot: string): string {
  const path = relative(realpathSync(projectDir), join(realpathSync(workspaceRoot), CACHE_FOLDER));
  if (!path.startsWith('..')) return path.replaceAll(sep, '/').replace(/\/$/, '');
  throw bad(
    `the workspace ${workspaceRoot} is not in the clone of the job (${projectDir}), so nothing in it can be an artifact`,
  );
}

/** Nx ignores what git ignores: otherwise, what is kept would be an input of a project at the root. */
function hideFromNx(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '.gitignore'), '*\n');
}

const bad = (why: string): DteError =>
  new DteError(
    'DTE_BAD_CONFIG',
    `The shared cache in job artifacts (option cache, DTE_CACHE=gitlab-artifacts) cannot be used: ${why}.`,
  );
