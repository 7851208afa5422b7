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
  /** Its ref is a tag. Default false. */
  readonly tag?: boolean;
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

  find(projectId: number, id: number): FakePipeline | undefined {
    return this.pipelines.find((each) => each.projectId === projectId && each.id === id);
  }

  /** The latest by creation, whatever its ref is; a child pipeline is not one of them. */
  latestSuccess(projectId: number, ref: string): FakePipeline | undefined {
    const query = new URLSearchParams({ ref, status: 'success' });
    return this.select(String(projectId), query).find(({ source }) => source !== 'parent_pipeline');
  }

  byId(id: number): FakePipeline | undefined {
    return this.pipelines.find((each) => each.id === id);
  }

  /** A pipeline with the id of another one replaces it. */
  add(pipeline: FakePipeline): void {
    const at = this.pipelines.findIndex(({ id }) => id === pipeline.id);
    if (at === -1) this.pipelines.push(pipeline);
    else this.pipelines[at] = pipeline;
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
    if (list !== null) {
      const wantsChildren = call.query.get('source') === 'parent_pipeline';
      const listed = found.filter(({ source }) => wantsChildren || source !== 'parent_pipeline');
      return page(listed.map(shownPipeline), call.query);
    }
    if (ofRequest !== null) {
      const its = found.filter(
        ({ ref, source = 'push' }) =>
          ref.startsWith(`refs/merge-requests/${ofRequest[2]}/`) && source !== 'parent_pipeline',
      );
      return page(its.map(shownPipeline), call.query);
    }
    const single = latest === null ? found.find(({ id }) => String(id) === one?.[2]) : found[0];
    return single === undefined
      ? NOT_FOUND
      : { status: 200, body: { ...shownPipeline(single), tag: single.tag ?? false } };
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

/** As in lists, where the pipelines do not say whether their ref is a tag. */
export const shownPipeline = ({
  id,
  projectId,
  ref,
  sha,
  status,
  source = 'push',
}: FakePipeline): object => ({
  id,
  iid: id,
  project_id: projectId,
  ref,
  sha,
  status,
  source,
});
