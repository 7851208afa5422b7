import { DteError, type LimitValues } from '@org/dte-protocol';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { gitlabCall, gitlabDownload, type GitlabAnswer } from '../http';

/** What a job needs to read the artifacts of other pipelines of its project. */
export interface ArtifactsAccess {
  /** `https://gitlab.example.com/api/v4` */
  readonly apiUrl: string;
  readonly projectId: string;
  /** CI_JOB_TOKEN: names its own job on every instance, and reads artifacts of other pipelines with Premium and Ultimate. */
  readonly jobToken: string;
  /** With scope `read_api`, instead of the job token; null if there is none. */
  readonly token: string | null;
  /** CA certificates that are trusted in addition to the usual ones, PEM. */
  readonly ca: readonly string[];
}

export type ArtifactsLimits = Pick<
  LimitValues,
  'gitlabAnswerMs' | 'gitlabAnswerBytes' | 'cacheIndexBytes' | 'cacheIndexEntries' | 'cacheArtifactBytes'
>;

const pipelineSchema = z.object({
  id: z.int(),
  project_id: z.int().optional(),
  ref: z.string(),
  /** Since GitLab 14.3. */
  source: z.string().optional(),
});
export type PipelineEntry = z.infer<typeof pipelineSchema>;

const jobSchema = z.object({
  id: z.int(),
  name: z.string(),
  /** The ref is a tag. */
  tag: z.boolean(),
  pipeline: pipelineSchema,
  artifacts_expire_at: z.string().nullish(),
});
export type JobEntry = z.infer<typeof jobSchema>;

const refSchema = z.object({ name: z.string(), protected: z.boolean().optional() });

/** Entries of a page: the most that GitLab returns. */
const PER_PAGE = 100;
/** Pages of jobs of one pipeline that are read: GitLab permits a pipeline 500 jobs unless an administrator changes it. */
const JOB_PAGES = 5;

const CURES = {
  job: 'GitLab lets the token of a job read artifacts of other pipelines only with Premium or Ultimate; otherwise set DTE_GITLAB_TOKEN to a token with the scope read_api and the role Reporter (docs/how-to/shared-cache.md)',
  person:
    'The token of DTE_GITLAB_TOKEN (or GITLAB_TOKEN) is wrong or has expired, or lacks the scope read_api or the role Reporter in this project',
} as const;

/** The jobs of one project and their artifacts, as one of its jobs sees them. */
export class ArtifactsApi {
  constructor(
    private readonly access: ArtifactsAccess,
    private readonly limits: ArtifactsLimits,
  ) {}

  /** Whether pipelines can be listed, which a job token may not. */
  get listsPipelines(): boolean {
    return this.access.token !== null;
  }

  get projectId(): string {
    return this.access.projectId;
  }

  /** The job of this process, as GitLab knows it. @throws DteError as all methods: DTE_CACHE_REFUSED, DTE_GITLAB_API */
  async ownJob(): Promise<JobEntry> {
    const { apiUrl, jobToken } = this.access;
    const answer = await this.call('GET', new URL(`${apiUrl}/job`), { 'job-token': jobToken });
    return this.parsed(jobSchema, answer, 'the own job');
  }

  /** Of the branch or tag with exactly this name. */
  async isProtected(ref: string, isTag: boolean): Promise<boolean> {
    const query = new URLSearchParams({ search: `^${ref}$`, per_page: String(PER_PAGE) });
    const path = `/repository/${isTag ? 'tags' : 'branches'}?${query.toString()}`;
    const refs = this.parsed(z.array(refSchema), await this.get(path), 'a list of refs');
    return refs.some((each) => each.name === ref && each.protected === true);
  }

  /** The newest first. @param children only child pipelines, which are not among the others */
  async pipelinesOf(ref: string, children: boolean, most: number): Promise<readonly PipelineEntry[]> {
    const query = new URLSearchParams({
      ref,
      order_by: 'id',
      sort: 'desc',
      per_page: String(most),
      ...(children ? { source: 'parent_pipeline' } : {}),
    });
    const answer = await this.get(`/pipelines?${query.toString()}`);
    return this.parsed(z.array(pipelineSchema), answer, 'a list of pipelines');
  }

  /** Those of this name that have ended, each try for itself, the newest first. */
  async jobsOf(pipelineId: number, name: string): Promise<readonly JobEntry[]> {
    const jobs: JobEntry[] = [];
    for (let page = 1; page <= JOB_PAGES; page++) {
      const query = `include_retried=true&scope[]=success&scope[]=failed&per_page=${PER_PAGE}&page=${page}`;
      const answer = await this.get(`/pipelines/${pipelineId}/jobs?${query}`);
      if (answer.status === 404) break;
      jobs.push(...this.parsed(z.array(jobSchema), answer, 'a list of jobs'));
      if (!answer.headers['x-next-page']) break;
    }
    return jobs.filter((job) => job.name === name).sort((a, b) => b.id - a.id);
  }

  /** A small file among the artifacts of a job; null if there is none. */
  async file(jobId: number, path: string): Promise<string | null> {
    const answer = await this.get(`/jobs/${jobId}/artifacts/${escaped(path)}`, this.limits.cacheIndexBytes);
    return textOf(answer);
  }

  /** That of the latest successful pipeline of a branch or tag with this name. */
  async latestFile(ref: string, job: string, path: string): Promise<string | null> {
    const query = new URLSearchParams({ job });
    const address = `/jobs/artifacts/${encodeURIComponent(ref)}/raw/${escaped(path)}?${query.toString()}`;
    return textOf(await this.get(address, this.limits.cacheIndexBytes));
  }

  /** The bytes of a file among the artifacts of a job; null if there is none (any longer). */
  async stream(jobId: string, path: string, signal: AbortSignal): Promise<Readable | null> {
    const url = this.urlOf(`/jobs/${jobId}/artifacts/${escaped(path)}`);
    const { ca } = this.access;
    const timeoutMs = this.limits.gitlabAnswerMs;
    const response = await gitlabDownload({ url, headers: this.credentials, ca, timeoutMs, signal });
    if (response.statusCode === 200) return response;
    response.destroy();
    if (response.statusCode === 404 || response.statusCode === 410) return null;
    throw this.failed(url, { status: response.statusCode ?? 0, body: '' });
  }

  /** Needs a token with the scope `api` and the role Maintainer. @returns whether it was permitted */
  async deleteArtifacts(jobId: string): Promise<boolean> {
    const url = this.urlOf(`/jobs/${jobId}/artifacts`);
    const { status, body } = await this.request('DELETE', url, this.credentials);
    return (status >= 200 && status < 300) || (status === 404 && !isProject(body));
  }

  /** Status 200, or 404 for something in a project that the token can see. */
  private async get(path: string, maxBytes?: number): Promise<GitlabAnswer> {
    return await this.call('GET', this.urlOf(path), this.credentials, maxBytes);
  }

  private async call(
    method: 'GET',
    url: URL,
    headers: Readonly<Record<string, string>>,
    maxBytes?: number,
  ): Promise<GitlabAnswer> {
    const answer = await this.request(method, url, headers, maxBytes);
    if (answer.status === 200 || (answer.status === 404 && !isProject(answer.body))) return answer;
    throw this.failed(url, answer);
  }

  private async request(
    method: 'GET' | 'DELETE',
    url: URL,
    headers: Readonly<Record<string, string>>,
    maxBytes = this.limits.gitlabAnswerBytes,
  ): Promise<GitlabAnswer> {
    const { ca } = this.access;
    try {
      return await gitlabCall({ method, url, headers, ca, timeoutMs: this.limits.gitlabAnswerMs, maxBytes });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DteError('DTE_GITLAB_API', `Request for job artifacts to ${url.origin} failed: ${why}.`, {
        cause,
      });
    }
  }

  private failed(url: URL, { status, body }: Pick<GitlabAnswer, 'status' | 'body'>): DteError {
    const what = `${url.origin} answered ${status} to ${url.pathname}`;
    if (status === 401 || status === 403 || isProject(body))
      return new DteError(
        'DTE_CACHE_REFUSED',
        `The shared cache is off for this job: ${what}. ${this.cure}.`,
      );
    return new DteError('DTE_GITLAB_API', `The shared cache cannot be read: ${what}.`);
  }

  private get cure(): string {
    return CURES[this.access.token === null ? 'job' : 'person'];
  }

  private parsed<T>(schema: z.ZodType<T>, { status, body }: GitlabAnswer, what: string): T {
    try {
      if (status === 404) throw new Error('not found');
      return schema.parse(JSON.parse(body));
    } catch (cause) {
      throw new DteError('DTE_GITLAB_API', `GitLab's answer for ${what} has an unexpected format.`, {
        cause,
      });
    }
  }

  private urlOf(path: string): URL {
    const { apiUrl, projectId } = this.access;
    return new URL(`${apiUrl}/projects/${encodeURIComponent(projectId)}${path}`);
  }

  private get credentials(): Readonly<Record<string, string>> {
    const { token, jobToken } = this.access;
    return token === null ? { 'job-token': jobToken } : { 'private-token': token };
  }
}

const escaped = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** `404 Project Not Found`: the token sees nothing of the project. Without a licence, job tokens get it for artifacts. */
const isProject = (body: string): boolean => /project not found/i.test(body);

const textOf = ({ status, body }: GitlabAnswer): string | null => (status === 200 ? body : null);
