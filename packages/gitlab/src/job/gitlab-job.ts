// Loaded by nx commands that may have nothing to do with us: it requires nothing.

type Env = Readonly<Record<string, string | undefined>>;

/**
 * What GitLab tells a job of itself, read once at the edge; everybody else is given what he needs of it. Null is "GitLab does not
 * say": it sets some variables in some pipelines only, and the empty string where it means "not set".
 */
export interface GitlabJob {
  /** CI_SERVER_URL: how the instance calls itself, `https://gitlab.example.com`. */
  readonly serverUrl: string | null;
  /** CI_API_V4_URL: `https://gitlab.example.com/api/v4`. */
  readonly apiUrl: string | null;
  /** CI_SERVER_TLS_CA_FILE: certificates by which the runner speaks with its GitLab. */
  readonly authoritiesFile: string | null;
  /** CI_PROJECT_ID. */
  readonly projectId: string | null;
  /** CI_PIPELINE_ID: the number of the pipeline in the whole instance. */
  readonly pipelineId: string | null;
  /** CI_PIPELINE_SOURCE: why the pipeline was started, `push`, `schedule`, ... */
  readonly pipelineSource: string | null;
  /** CI_JOB_ID: another one for each try. */
  readonly id: string | null;
  /** CI_JOB_NAME. */
  readonly name: string | null;
  /** CI_JOB_URL: where people read its log. */
  readonly url: string | null;
  /** CI_JOB_TOKEN: good while the job runs. */
  readonly token: string | null;
  /** CI_REPOSITORY_URL: where the clone came from, with a token in it. */
  readonly repositoryUrl: string | null;
  /** CI_COMMIT_SHA. */
  readonly commit: string | null;
  /** CI_COMMIT_BEFORE_SHA: what the branch pointed at before the push; zeros where there is none. */
  readonly commitBefore: string | null;
  /** CI_COMMIT_BRANCH: in pipelines of branches only. */
  readonly branch: string | null;
  /** CI_COMMIT_TAG: in pipelines of tags only. */
  readonly tag: string | null;
  /** CI_DEFAULT_BRANCH. */
  readonly defaultBranch: string | null;
  /** CI_MERGE_REQUEST_IID: in pipelines of merge requests only. */
  readonly mergeRequest: string | null;
  /** CI_MERGE_REQUEST_DIFF_BASE_SHA. */
  readonly mergeRequestDiffBase: string | null;
  /** CI_MERGE_REQUEST_TARGET_BRANCH_NAME. */
  readonly mergeRequestTarget: string | null;
  /** Can GitLab be asked whether the job still runs? */
  readonly isWatched: boolean;
}

/** The job of this process; null where none of GitLab's variables is set. */
export function readGitlabJob(env: Env): GitlabJob | null {
  const read = (name: string): string | null => {
    const value = env[name];
    return value === undefined || value === '' ? null : value;
  };
  const told = {
    serverUrl: read('CI_SERVER_URL'),
    apiUrl: read('CI_API_V4_URL'),
    authoritiesFile: read('CI_SERVER_TLS_CA_FILE'),
    projectId: read('CI_PROJECT_ID'),
    pipelineId: read('CI_PIPELINE_ID'),
    pipelineSource: read('CI_PIPELINE_SOURCE'),
    id: read('CI_JOB_ID'),
    name: read('CI_JOB_NAME'),
    url: read('CI_JOB_URL'),
    token: read('CI_JOB_TOKEN'),
    repositoryUrl: read('CI_REPOSITORY_URL'),
    commit: read('CI_COMMIT_SHA'),
    commitBefore: read('CI_COMMIT_BEFORE_SHA'),
    branch: read('CI_COMMIT_BRANCH'),
    tag: read('CI_COMMIT_TAG'),
    defaultBranch: read('CI_DEFAULT_BRANCH'),
    mergeRequest: read('CI_MERGE_REQUEST_IID'),
    mergeRequestDiffBase: read('CI_MERGE_REQUEST_DIFF_BASE_SHA'),
    mergeRequestTarget: read('CI_MERGE_REQUEST_TARGET_BRANCH_NAME'),
  };
  if (Object.values(told).every((value) => value === null)) return null;
  return { ...told, isWatched: told.apiUrl !== null && told.token !== null };
}

/** Does GitLab tell enough for the project's package registry to be used? */
export const hasPackageRegistry = (job: GitlabJob | null): boolean =>
  [job?.apiUrl, job?.projectId, job?.token].every((value) => typeof value === 'string');
