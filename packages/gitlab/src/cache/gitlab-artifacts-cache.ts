import type { CacheAccess, CacheArea, CacheEntry, DirectRead, EntryName, SharedCache } from '@org/dte-cache';
import { DteError, type LimitValues } from '@org/dte-protocol';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { ArtifactFolder } from './artifact-folder';
import { ArtifactsApi, type ArtifactsAccess, type ArtifactsLimits } from './artifacts-api';
import { Coalesced } from './coalesced';
import { EarlierPipelines } from './earlier-pipelines';
import { ENTRIES_FOLDER, type Pointer, writeIndex } from './index-file';

/**
 * A large index takes a tenth of a second, in which the coordinator does nothing else: all its versions together take at most 2 % of
 * the time.
 */
const PAUSE_FACTOR = 50;

export interface GitlabArtifactsOptions {
  readonly access: ArtifactsAccess;
  /** What the pipeline of this job may do, by the claims of its id token. */
  readonly area: Pick<CacheAccess, 'issuer' | 'projectId' | 'write'>;
  /** CI_PIPELINE_ID */
  readonly pipelineId: string;
  /** CI_JOB_ID */
  readonly jobId: string;
  /** Becomes artifacts of this job. Absolute. */
  readonly folder: string;
  /** The same, as a path in the archive of the artifacts: relative to CI_PROJECT_DIR. */
  readonly path: string;
  /** Branches whose results may be of use; GitLab decides whether they are trusted. */
  readonly branches: readonly string[];
  readonly limits: ArtifactsLimits & Pick<LimitValues, 'cacheIndexPauseMs'>;
}

/**
 * A shared cache without any server: the main job of a pipeline publishes its entries and an index of all that it knows among its own
 * artifacts. A later one reads that index, and the entries where they are. GitLab says which pipeline and ref an index is of; each
 * entry is known by the digest in that index. `expire_in` of the job evicts.
 *
 * The index is on disk whenever the job may end, which is also without a word: a container ends with the last line of its script.
 * If the earlier entries are not known, there is no index of this job: a later pipeline would lose sight of them.
 */
export class GitlabArtifactsCache implements SharedCache {
  readonly description = 'the job artifacts of earlier pipelines';
  private readonly api: ArtifactsApi;
  private readonly own: ArtifactFolder;
  private readonly earlier: EarlierPipelines;
  private readonly area: CacheArea;
  private readonly publishing: Coalesced;
  private readonly said = new Map<string, string>();
  /** Null: nobody listens yet. */
  private note: ((line: string) => void) | null = null;
  private isRefused = false;
  /** How long the last version of the index took. */
  private indexMs = 0;

  constructor(private readonly options: GitlabArtifactsOptions) {
    const { access, area, limits, jobId, folder, path, branches } = options;
    const { issuer, projectId, write } = area;
    this.area = { issuer, projectId, scope: write };
    this.api = new ArtifactsApi(access, limits);
    mkdirSync(dirname(folder), { recursive: true });
    const incoming = join(dirname(folder), 'cache-incoming');
    const { jobToken } = access;
    const maxBytes = limits.cacheArtifactBytes;
    this.own = new ArtifactFolder({ folder, incoming, jobId, jobToken, maxBytes });
    this.own.adopt(this.area);
    this.earlier = new EarlierPipelines({ api: this.api, access: area, jobId, path, branches });
    this.publishing = new Coalesced(
      () => void this.publish(),
      () => Math.max(limits.cacheIndexPauseMs, this.indexMs * PAUSE_FACTOR),
    );
    // By the time of the first question, the answer is often there.
    void this.known(this.area).catch(() => undefined);
    this.publishing.ask();
  }

  async find(area: CacheArea, names: readonly EntryName[], signal: AbortSignal): Promise<CacheEntry[]> {
    const isKnown = (name: EntryName): boolean => this.own.find(area, name) !== undefined;
    const known = names.every(isKnown) ? null : await until(signal, this.known(area));
    return names.flatMap((name) => {
      const own = this.own.find(area, name);
      if (own !== undefined) return [own];
      const pointer = known?.find(name);
      return pointer === undefined ? [] : [entryOf(pointer)];
    });
  }

  async read(area: CacheArea, entry: CacheEntry, signal: AbortSignal): Promise<Readable | null> {
    const own = await this.own.read(area, entry);
    if (own !== null) return own;
    const known = this.isOurs(area) ? this.earlier.at(area.scope) : undefined;
    const pointer = known?.find(entry);
    if (known === undefined || pointer?.sha256 !== entry.sha256) return null;
    const path = `${this.options.path}/${ENTRIES_FOLDER}/${entry.sha256}`;
    const body = await this.api.stream(pointer.jobId, path, signal);
    // Deleted, or expired: nobody will find it again.
    if (body === null) await this.remove(area, entry);
    return body;
  }

  /** Whoever may read artifacts needs a token for it. */
  readDirectly(): Promise<DirectRead | null> {
    return Promise.resolve(null);
  }

  async write(
    area: CacheArea,
    entry: CacheEntry,
    open: () => Readable,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'> {
    if (this.own.find(area, entry) !== undefined) return 'exists';
    if (this.isOurs(area) && this.earlier.at(area.scope)?.find(entry) !== undefined) return 'exists';
    const result = await this.own.write(area, entry, open(), signal);
    this.publishing.ask();
    return result;
  }

  remove(area: CacheArea, entry: CacheEntry): Promise<void> {
    this.own.remove(area, entry);
    if (this.isOurs(area)) this.earlier.at(area.scope)?.drop(entry);
    this.publishing.ask();
    return Promise.resolve();
  }

  /**
   * Deletes the artifacts of the pipeline's main jobs, all of them, and says so if the token may not: then the entries are forgotten for
   * those who read the index of this job or of a later one.
   * @throws DteError DTE_CACHE_REFUSED, DTE_GITLAB_API if the entries of earlier pipelines are unknown
   */
  async forget(project: Pick<CacheArea, 'issuer' | 'projectId'>, pipelineId: string): Promise<number> {
    const count = this.own.forget(project, pipelineId);
    if (!this.isOurs({ ...this.area, ...project })) return count;
    const dropped = (await this.known(this.area))?.forget(pipelineId) ?? [];
    await this.publish();
    await this.deleteArtifacts(pipelineId, dropped);
    return count + dropped.length;
  }

  async flush(): Promise<void> {
    this.publishing.cancel();
    await this.publish();
    const { count, bytes } = this.own.leftOut;
    if (count > 0)
      this.sayOnce(
        `${count} of the results of this pipeline (${megabytes(bytes)}), the largest, are not kept for later ones: the job artifacts of a main job hold ${megabytes(this.options.limits.cacheArtifactBytes)} of them (DTE_CACHE_ARTIFACT_BYTES, docs/how-to/shared-cache.md)`,
        'left out',
      );
  }

  onNote(note: (line: string) => void): void {
    this.note = note;
    for (const line of this.said.values()) note(line);
  }

  close(): Promise<void> {
    this.publishing.cancel();
    return Promise.resolve();
  }

  /** Null if GitLab has refused: then nothing is found, and nothing is published. @throws DteError DTE_GITLAB_API */
  private async known(area: CacheArea) {
    if (!this.isOurs(area) || this.isRefused) return null;
    try {
      return await this.earlier.of(area.scope);
    } catch (thrown) {
      const error = DteError.from(thrown);
      if (error.code !== 'DTE_CACHE_REFUSED') throw error;
      this.isRefused = true;
      this.sayOnce(error.message);
      return null;
    }
  }

  private async publish(): Promise<void> {
    try {
      const known = await this.known(this.area);
      if (known === null) return;
      const startMs = performance.now();
      const { jobId, pipelineId, area, limits } = this.options;
      const own = this.own
        .entriesOf(this.area)
        .map((entry): Pointer => ({ ...entry, jobId, expiresAtMs: null }));
      const isOwn = (entry: EntryName): boolean => this.own.find(this.area, entry) !== undefined;
      const entries = [...own, ...known.all.filter((entry) => !isOwn(entry))];
      const { forgotten } = known;
      this.own.writeIndex(writeIndex({ pipelineId, jobId, scope: area.write, entries, forgotten }, limits));
      this.indexMs = performance.now() - startMs;
    } catch (thrown) {
      this.sayOnce(`results of this pipeline are not kept for later ones: ${DteError.from(thrown).message}`);
    }
  }

  private async deleteArtifacts(pipelineId: string, dropped: readonly Pointer[]): Promise<void> {
    const { name } = await this.earlier.ownJob();
    const jobs = await this.api.jobsOf(Number(pipelineId), name);
    const ids = new Set([...dropped.map(({ jobId }) => jobId), ...jobs.map(({ id }) => String(id))]);
    ids.delete(this.options.jobId);
    const refused: string[] = [];
    for (const id of ids) if (!(await this.api.deleteArtifacts(id))) refused.push(id);
    if (refused.length > 0)
      this.sayOnce(
        `the artifacts of job ${refused.join(', ')} are still there: deleting them needs the scope api and the role Maintainer. Delete them in GitLab: until then, a pipeline that does not read the index of this job can still use them`,
      );
  }

  private isOurs({ issuer, projectId }: CacheArea): boolean {
    return issuer === this.area.issuer && projectId === this.area.projectId;
  }

  /** @param about what a person hears of once */
  private sayOnce(line: string, about = line): void {
    if (this.said.has(about)) return;
    this.said.set(about, line);
    this.note?.(line);
  }
}

const entryOf = ({ jobId: _, expiresAtMs: __, ...entry }: Pointer): CacheEntry => entry;

/** As GitLab counts them. */
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;

/** The result, unless the caller gives up before: others may still wait for it. */
async function until<T>(signal: AbortSignal, result: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let giveUp = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal.reason as Error);
    signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([result, aborted]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
