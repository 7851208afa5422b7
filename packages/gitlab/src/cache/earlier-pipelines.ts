import { type CacheAccess, type Scope, TRUSTED } from '@org/dte-cache';
import { DteError } from '@org/dte-protocol';
import type { ArtifactsApi, JobEntry } from './artifacts-api';
import { findIndex } from './find-index';
import type { CacheIndex, Forgotten } from './index-file';
import { KnownEntries } from './known-entries';

export interface EarlierOptions {
  readonly api: ArtifactsApi;
  readonly access: Pick<CacheAccess, 'write'>;
  /** CI_JOB_ID. */
  readonly jobId: string;
  /** Path of the cache's folder in the artifacts of each main job. */
  readonly path: string;
  /** Branches whose results may be of use. Whether they are protected, GitLab is asked. */
  readonly branches: readonly string[];
}

/** Refs that are asked for trusted results. Not configurable: own, target and default branch. */
const MOST_REFS = 3;

/** What GitLab's earlier pipelines have left, by scope; read once, when it is first wanted. */
export class EarlierPipelines {
  private readonly loading = new Map<Scope, Promise<KnownEntries>>();
  private readonly loaded = new Map<Scope, KnownEntries>();
  private own: Promise<JobEntry> | null = null;

  constructor(private readonly options: EarlierOptions) {}

  /** What is known already. */
  at(scope: Scope): KnownEntries | undefined {
    return this.loaded.get(scope);
  }

  /**
   * Nothing for the scope of another pipeline. After trouble, the next call tries again; a refusal stays.
   * @throws DteError DTE_CACHE_REFUSED, DTE_GITLAB_API
   */
  of(scope: Scope): Promise<KnownEntries> {
    const before = this.loading.get(scope);
    if (before !== undefined) return before;
    const loading = this.load(scope);
    this.loading.set(scope, loading);
    loading.then(
      (known) => this.loaded.set(scope, known),
      (thrown: unknown) => {
        if (DteError.from(thrown).code !== 'DTE_CACHE_REFUSED') this.loading.delete(scope);
      },
    );
    return loading;
  }

  /** The job of this process. @throws DteError as `of` */
  async ownJob(): Promise<JobEntry> {
    this.own ??= this.askOwnJob();
    try {
      return await this.own;
    } catch (thrown) {
      this.own = null;
      throw thrown;
    }
  }

  private async askOwnJob(): Promise<JobEntry> {
    const { api, jobId } = this.options;
    const own = await api.ownJob();
    if (String(own.id) === jobId && String(own.pipeline.project_id) === api.projectId) return own;
    throw new DteError(
      'DTE_CACHE_REFUSED',
      `The shared cache is off for this job: CI_JOB_TOKEN belongs to job ${own.id}, and CI_JOB_ID is ${jobId}.`,
    );
  }

  private async load(scope: Scope): Promise<KnownEntries> {
    const { api, access, path: folder } = this.options;
    const own = await this.ownJob();
    const found: (CacheIndex | null)[] = [];
    let forgotten: readonly Forgotten[] = [];
    if (scope === TRUSTED) {
      for (const { ref, isTag } of this.trustedRefs(own))
        if (await api.isProtected(ref, isTag))
          found.push(await findIndex({ api, own, folder }, { ref, isTag, isTrusted: true }));
    } else if (scope === access.write) {
      const { ref } = own.pipeline;
      found.push(await findIndex({ api, own, folder }, { ref, isTag: own.tag, isTrusted: false }));
      // Only trusted pipelines forget, and in all scopes. If it is not known what, nothing is found.
      ({ forgotten } = await this.of(TRUSTED));
    }
    return new KnownEntries(
      found.filter((index) => index !== null),
      Date.now(),
      forgotten,
    );
  }

  /** The own ref first: its results are the most alike. Refs of merge requests are no branches. */
  private trustedRefs({ pipeline, tag }: JobEntry): { ref: string; isTag: boolean }[] {
    const own = pipeline.ref.startsWith('refs/') ? [] : [{ ref: pipeline.ref, isTag: tag }];
    const others = this.options.branches
      .filter((branch) => tag || branch !== pipeline.ref)
      .map((ref) => ({ ref, isTag: false }));
    return [...own, ...others].slice(0, MOST_REFS);
  }
}
