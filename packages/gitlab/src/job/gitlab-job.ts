// Loaded by nx commands that may not use dte at all: it requires nothing.

type Env = Readonly<Record<string, string | undefined>>;

/**
 * GitLab's description of a job, read once at the edge; all other code gets only what it needs. Null means that GitLab
 * does not provide the value: it sets some variables only in some pipelines, and the empty string for "not set".
 */
export interface GitlabJob {
  /** CI_SERVER_URL: the instance's own name for itself, `https://gitlab.example.com`. */
  readonly serverUrl: string | null;
  /** CI_API_V4_URL: `https://gitlab.example.com/api/v4`. */
  readonly apiUrl: string | null;
  /** CI_SERVER_TLS_CA_FILE: certificates that the runner trusts for its GitLab. */
  readonly authoritiesFile: string | null;
  /** CI_PROJECT_ID. */
  readonly projectId: string | null;
  /** CI_PIPELINE_ID: the instance-wide number of the pipeline. */
  readonly pipelineId: string | null;
  /** CI_PIPELINE_SOURCE: why the pipeline was started, `push`, `schedule`, ... */
  readonly pipelineSource: string | null;
  /** CI_JOB_ID: a different one for each try. */
  readonly id: string | null;
  /** CI_JOB_NAME. */
  readonly name: string | null;
  /** CI_JOB_URL: the address of its log. */
  readonly url: string | null;
  /** CI_JOB_TOKEN: valid while the job runs. */
  readonly token: string | null;
  /** CI_REPOSITORY_URL: the remote of the clone, with a token. */
  readonly repositoryUrl: string | null;
  /** CI_COMMIT_SHA. */
  readonly commit: string | null;
  /** CI_COMMIT_BEFORE_SHA: the commit of the branch before the push; zeros if there is none. */
  readonly commitBefore: string | null;
  /** CI_COMMIT_BRANCH: only in branch pipelines. */
  readonly branch: string | null;
  /** CI_COMMIT_TAG: only in tag pipelines. */
  readonly tag: string | null;
  /** CI_DEFAULT_BRANCH. */
  readonly defaultBranch: string | null;
  /** CI_MERGE_REQUEST_IID: only in merge request pipelines. */
  readonly mergeRequest: string | null;
  /** CI_MERGE_REQUEST_DIFF_BASE_SHA. */
  readonly mergeRequestDiffBase: string | null;
  /** CI_MERGE_REQUEST_TARGET_BRANCH_NAME. */
  readonly mergeRequestTarget: string | null;
  /** CI_MERGE_REQUEST_PROJECT_ID: the project that the merge request is in; not that of the job if it comes from a fork. */
  readonly mergeRequestProject: string | null;
  /** CI_JOB_STATUS: in `after_script`, how the script ended: `success`, `failed` or `canceled`. */
  readonly status: string | null;
  /** CI_PROJECT_DIR: the clone. Paths of artifacts start here. */
  readonly projectDir: string | null;
  /** Address below which GitLab shows the files among the artifacts of the job, when it has ended. */
  readonly artifactsUrl: string | null;
  /** GITLAB_CI: the log is read by GitLab, which shows collapsible sections. */
  readonly foldsLog: boolean;
  /** Can GitLab be asked whether the job still runs? */
  readonly isWatched: boolean;
}

/** The job of this process; null if none of GitLab's variables is set. */
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
    mergeRequestProject: read('CI_MERGE_REQUEST_PROJECT_ID'),
    status: read('CI_JOB_STATUS'),
    projectDir: read('CI_PROJECT_DIR'),
  };
  if (Object.values(told).every((value) => value === null)) return null;
  return {
    ...told,
    artifactsUrl: told.url === null ? null : `${told.url}/artifacts/file`,
    foldsLog: env['GITLAB_CI'] === 'true',
    isWatched: told.apiUrl !== null && told.token !== null,
  };
}

/** Does GitLab provide enough to use the project's package registry? */
export const hasPackageRegistry = (job: GitlabJob | null): boolean =>
  [job?.apiUrl, job?.projectId, job?.token].every((value) => typeof value === 'string');
