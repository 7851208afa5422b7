import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakePipeline } from './pipelines-api';

/** A job as the jobs API returns it. */
export interface FakeJob {
  readonly id: number;
  readonly pipelineId: number;
  readonly name: string;
  /** Default `success`. */
  readonly status?: 'running' | 'success' | 'failed' | 'canceled';
  /** There is a later try of it. */
  readonly retried?: boolean;
}

/** Paths from the clone's root, as they are in the archive. */
export type FakeArtifacts = Readonly<Record<string, string | Buffer>>;

interface Archive {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly expiresAtMs: number | null;
}

/** 100 MB: the default of an instance ("Maximum artifacts size"), for one archive. */
const ARCHIVE_BYTES = 100 * 1024 * 1024;

/** The jobs of all projects, and their artifacts. */
export class FakeJobStore {
  private readonly jobs: FakeJob[] = [];
  private readonly archives = new Map<number, Archive>();

  constructor(
    private readonly pipelineOf: (id: number) => FakePipeline | undefined,
    private readonly now: () => number,
  ) {}

  /** A job with the id of another one replaces it. */
  add(job: FakeJob): void {
    const at = this.jobs.findIndex(({ id }) => id === job.id);
    if (at === -1) this.jobs.push(job);
    else this.jobs[at] = job;
  }

  /** A job with its pipeline. `projectId`: only if it is in that project. */
  find(jobId: number, projectId?: number): { job: FakeJob; pipeline: FakePipeline } | undefined {
    const job = this.jobs.find(({ id }) => id === jobId);
    const pipeline = job === undefined ? undefined : this.pipelineOf(job.pipelineId);
    if (job === undefined || pipeline === undefined) return undefined;
    return projectId === undefined || pipeline.projectId === projectId ? { job, pipeline } : undefined;
  }

  /** The newest first, as since GitLab 13.5. */
  ofPipeline(pipelineId: number): readonly FakeJob[] {
    return this.jobs.filter((job) => job.pipelineId === pipelineId).sort((a, b) => b.id - a.id);
  }

  /**
   * What a runner does at the end of a job.
   * @returns 413 if the archive is larger than the limit: then there is none, and GitLab fails the job
   */
  upload(
    jobId: number,
    artifacts: FakeArtifacts,
    { expireInMs = null, maxBytes = ARCHIVE_BYTES }: { expireInMs?: number | null; maxBytes?: number },
  ): 201 | 413 {
    const files = new Map(
      Object.entries(artifacts).map(([path, content]) => [path, Buffer.from(content)] as const),
    );
    const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
    if (bytes > maxBytes) return 413;
    this.archives.set(jobId, { files, expiresAtMs: expireInMs === null ? null : this.now() + expireInMs });
    return 201;
  }

  /** Undefined: none, deleted, or expired. */
  archiveOf(jobId: number): Archive | undefined {
    const archive = this.archives.get(jobId);
    const isThere = archive !== undefined && (archive.expiresAtMs ?? Infinity) > this.now();
    return isThere ? archive : undefined;
  }

  expiresAtMs(jobId: number): number | null {
    return this.archives.get(jobId)?.expiresAtMs ?? null;
  }

  remove(jobId: number): void {
    this.archives.delete(jobId);
  }
}

/** The files of a folder, as a runner puts them into an archive: below `path`, which is relative to the clone. */
export function artifactsOf(clone: string, path: string): FakeArtifacts {
  const entries = readdirSync(join(clone, path), { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => [file.slice(clone.length + 1), readFileSync(file)]),
  );
}
