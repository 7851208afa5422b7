import type { Scope } from './scope';

/** The entries of one scope of one project of one GitLab instance. Entries of different areas never meet. */
export interface CacheArea {
  readonly issuer: string;
  readonly projectId: string;
  readonly scope: Scope;
}

/** `cache`: the outputs of a task in Nx's format. `terminal`: its terminal output alone, gzipped. */
export type EntryKind = 'cache' | 'terminal';

export interface EntryName {
  readonly kind: EntryKind;
  /** Nx's hash of the task; safe in paths and addresses. */
  readonly hash: string;
}

/** Who made an entry: printed for every hit, and the handle by which entries are forgotten. */
export interface EntryOrigin {
  readonly pipelineId: string;
  /** The job whose agent ran the task; null if GitLab did not name it. */
  readonly jobId: string | null;
  /** The commit of the pipeline. */
  readonly commit: string;
  readonly ref: string | null;
  readonly agent: string;
  readonly taskId: string;
  /** When it was stored, ms since the epoch. */
  readonly atMs: number;
}

export interface CacheEntry extends EntryName {
  readonly bytes: number;
  /** Of the bytes as they were made, in hex. Every reader compares. */
  readonly sha256: string;
  readonly origin: EntryOrigin;
}

/** Where bytes can be read without this process: a presigned URL. */
export interface DirectRead {
  readonly url: string;
  readonly expiresAtMs: number;
}
