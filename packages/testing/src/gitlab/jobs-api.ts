import type { Access } from './access';
import { type Answer, type Call, NOT_FOUND, page, PROJECT_NOT_FOUND, refusal } from './answer';
import type { FakeJob, FakeJobStore } from './job-store';
import { type FakePipeline, type PipelinesApi, shownPipeline } from './pipelines-api';
import type { FakeProject } from './projects';

const OF_PIPELINE = /^\/api\/v4\/projects\/([^/]+)\/pipelines\/(\d+)\/jobs$/;
const ALL = /^\/api\/v4\/projects\/([^/]+)\/jobs\/(\d+)\/artifacts$/;
const ONE = /^\/api\/v4\/projects\/([^/]+)\/jobs\/(\d+)\/artifacts\/(.+)$/;
const LATEST = /^\/api\/v4\/projects\/([^/]+)\/jobs\/artifacts\/(.+?)\/raw\/(.+)$/;
const STORED = /^\/object-storage\/artifacts\/(\d+)\/(.+)$/;

interface Options {
  readonly access: Access;
  readonly store: FakeJobStore;
  readonly pipelines: PipelinesApi;
  readonly storageUrl: string;
  readonly projectOf: (id: string) => FakeProject | undefined;
}

/** Jobs and their artifacts: https://docs.gitlab.com/api/job_artifacts/ and https://docs.gitlab.com/api/jobs/ */
export class JobsApi {
  constructor(private readonly options: Options) {}

  /** `GET /job` with the job and its pipeline, if the test has added them. */
  enrich(own: Answer): Answer {
    const { id } = own.body as { id?: number };
    const found = id === undefined ? undefined : this.options.store.find(id);
    return found === undefined ? own : { ...own, body: this.shown(found.job, found.pipeline) };
  }

  /** Null: not a path of this API. */
  answer(call: Call): Answer | null {
    const stored = STORED.exec(call.path);
    if (stored !== null) return this.fromObjectStorage(call, Number(stored[1]), stored[2] ?? '');
    const matched = [OF_PIPELINE, ALL, LATEST, ONE].find((route) => route.test(call.path));
    const [, id = '', second = '', path = ''] = matched?.exec(call.path) ?? [];
    if (matched === undefined) return null;
    const project = this.options.projectOf(id);
    if (project === undefined) return PROJECT_NOT_FOUND;
    if (call.method === 'DELETE' && matched === ALL) return this.remove(call, project, Number(second));
    if (call.method !== 'GET' || matched === ALL) return refusal(405, '405 Not Allowed');
    const refused = this.options.access.refuse(call, { project: id, role: 'reporter', jobTokens: true });
    if (refused !== null) return refused;
    if (matched === OF_PIPELINE) return this.jobsOf(call, project, Number(second));
    // What an instance without a licence answers (cross_project_pipelines).
    if (call.headers['job-token'] !== undefined && project.tier !== 'premium') return PROJECT_NOT_FOUND;
    return matched === LATEST
      ? this.latest(call, project, second, path)
      : this.file(project, Number(second), path);
  }

  private jobsOf({ query }: Call, project: FakeProject, pipelineId: number): Answer {
    const pipeline = this.options.pipelines.find(project.id, pipelineId);
    if (pipeline === undefined) return NOT_FOUND;
    const scopes = query.getAll('scope[]');
    const jobs = this.options.store
      .ofPipeline(pipelineId)
      .filter(({ retried = false }) => !retried || query.get('include_retried') === 'true')
      .filter(({ status = 'success' }) => scopes.length === 0 || scopes.includes(status));
    return page(
      jobs.map((job) => this.shown(job, pipeline)),
      query,
    );
  }

  /** Of the latest pipeline of that ref that was successful: a branch and a tag may have the same name. */
  private latest({ query }: Call, project: FakeProject, ref: string, path: string): Answer {
    const pipeline = this.options.pipelines.latestSuccess(project.id, ref);
    const job =
      pipeline === undefined
        ? undefined
        : this.options.store.ofPipeline(pipeline.id).find(({ name }) => name === query.get('job'));
    return job === undefined ? NOT_FOUND : this.file(project, job.id, path);
  }

  private file(project: FakeProject, jobId: number, path: string): Answer {
    const { store, storageUrl } = this.options;
    if (store.find(jobId, project.id) === undefined) return NOT_FOUND;
    if (path.split('/').includes('..')) return refusal(400, '400 Bad request');
    const content = store.archiveOf(jobId)?.files.get(path);
    if (content === undefined) return NOT_FOUND;
    const location = `${storageUrl}/object-storage/artifacts/${jobId}/${path}`;
    if (project.downloads === 'redirected') return { status: 302, headers: { location } };
    return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body: content };
  }

  /** A signed address of another service, which rejects requests with a GitLab token. */
  private fromObjectStorage({ headers }: Call, jobId: number, path: string): Answer {
    if (headers['job-token'] !== undefined || headers['private-token'] !== undefined)
      return { status: 400, body: 'InvalidArgument: Only one auth mechanism allowed' };
    const content = this.options.store.archiveOf(jobId)?.files.get(path);
    return content === undefined ? NOT_FOUND : { status: 200, body: content };
  }

  private remove(call: Call, { id }: FakeProject, jobId: number): Answer {
    const { access, store } = this.options;
    const refused = access.refuse(call, { project: String(id), role: 'maintainer', jobTokens: false });
    if (refused !== null) return refused;
    if (store.find(jobId, id) === undefined) return NOT_FOUND;
    store.remove(jobId);
    return { status: 204 };
  }

  private shown(job: FakeJob, pipeline: FakePipeline): object {
    const { store } = this.options;
    const expiresAtMs = store.expiresAtMs(job.id);
    return {
      id: job.id,
      name: job.name,
      status: job.status ?? 'success',
      ref: pipeline.ref,
      tag: pipeline.tag ?? false,
      pipeline: shownPipeline(pipeline),
      artifacts: store.archiveOf(job.id) === undefined ? [] : [{ file_type: 'archive', file_format: 'zip' }],
      artifacts_expire_at: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
    };
  }
}
