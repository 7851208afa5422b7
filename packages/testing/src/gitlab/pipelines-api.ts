import type { Access } from './access';
import { type Answer, type Call, NOT_FOUND, page, PROJECT_NOT_FOUND } from './answer';
import type { FakeProject } from './projects';

/** A pipeline as the pipelines API returns it. */
export interface FakePipeline {
  readonly id: number;
  readonly projectId: number;
  readonly ref: string;
  readonly sha: string;
  readonly status: 'running' | 'success' | 'failed' | 'canceled' | 'skipped';
  /** Default `push`. */
  readonly source?: string;
}

const LIST = /^\/api\/v4\/projects\/([^/]+)\/pipelines$/;
const LATEST = /^\/api\/v4\/projects\/([^/]+)\/pipelines\/latest$/;
const ONE = /^\/api\/v4\/projects\/([^/]+)\/pipelines\/(\d+)$/;
/** Its own pipelines, and those of its branch; child pipelines are not among them. */
const OF_MERGE_REQUEST = /^\/api\/v4\/projects\/([^/]+)\/merge_requests\/(\d+)\/pipelines$/;

const SELECTORS = ['ref', 'sha', 'status', 'source'] as const;

/** The pipelines API. Job tokens may not read it; a project's access token may. */
export class PipelinesApi {
  private readonly pipelines: FakePipeline[] = [];

  constructor(
    private readonly access: Access,
    private readonly projectOf: (id: string) => FakeProject | undefined,
  ) {}

  add(pipeline: FakePipeline): void {
    this.pipelines.push(pipeline);
  }

  /** Null: not a path of this API. */
  answer(call: Call): Answer | null {
    const [list, latest, one] = [LIST.exec(call.path), LATEST.exec(call.path), ONE.exec(call.path)];
    const ofRequest = OF_MERGE_REQUEST.exec(call.path);
    const project = (list ?? latest ?? one ?? ofRequest)?.[1];
    if (project === undefined) return null;
    if (this.projectOf(project) === undefined) return PROJECT_NOT_FOUND;
    const refused = this.access.refuse(call, { project, role: 'reporter', jobTokens: false });
    if (refused !== null) return refused;
    const found = this.select(project, call.query);
    if (list !== null) return page(found.map(shown), call.query);
    if (ofRequest !== null) {
      const its = found.filter(
        ({ ref, source = 'push' }) =>
          ref.startsWith(`refs/merge-requests/${ofRequest[2]}/`) && source !== 'parent_pipeline',
      );
      return page(its.map(shown), call.query);
    }
    const single = latest === null ? found.find(({ id }) => String(id) === one?.[2]) : found[0];
    return single === undefined ? NOT_FOUND : { status: 200, body: shown(single) };
  }

  private select(project: string, query: URLSearchParams): readonly FakePipeline[] {
    const found = this.pipelines
      .filter(({ projectId }) => String(projectId) === project)
      .filter((pipeline) =>
        SELECTORS.every((name) => {
          const wanted = query.get(name);
          return wanted === null || wanted === (pipeline[name] ?? 'push');
        }),
      )
      .sort((a, b) => b.id - a.id);
    return query.get('sort') === 'asc' ? found.reverse() : found;
  }
}

const shown = ({ id, projectId, ref, sha, status, source = 'push' }: FakePipeline): object => ({
  id,
  iid: id,
  project_id: projectId,
  ref,
  sha,
  status,
  source,
});
