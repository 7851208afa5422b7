import { type CacheArea, type CacheEntry, type Scope, TRUSTED } from '@org/dte-cache';
import { artifactsOf, type FakeGitlab, type FakeProject, startFakeGitlab } from '@org/dte-testing';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { LIMITS, type LimitValues } from '@org/dte-protocol';
import { GitlabArtifactsCache, type GitlabArtifactsOptions } from '../gitlab-artifacts-cache';

const PROJECT = 42;
const ISSUER = 'https://gitlab.example.com';
const FOLDER = '.nx/dte/cache';

export const areaOf = (scope: Scope = TRUSTED): CacheArea => ({
  issuer: ISSUER,
  projectId: String(PROJECT),
  scope,
});

/** The scope of a merge request, or of a branch. */
export const OWN = `own-${'0'.repeat(32)}`;

export const sha256Of = (content: string): string => createHash('sha256').update(content).digest('hex');
export const never = (): AbortSignal => new AbortController().signal;

export const entryOf = (hash: string, content: string, change: Partial<CacheEntry> = {}): CacheEntry => ({
  kind: 'cache',
  hash,
  bytes: Buffer.byteLength(content),
  sha256: sha256Of(content),
  origin: {
    pipelineId: '4711',
    jobId: '90210',
    commit: 'a'.repeat(40),
    ref: 'main',
    agent: 'nx-agent 1/3',
    taskId: 'app:build',
    atMs: 1_790_000_000_000,
  },
  ...change,
});

export interface JobOptions {
  /** Default: a new one, of `ref`. */
  readonly pipelineId?: number;
  /** Default `main`. */
  readonly ref?: string;
  readonly source?: string;
  readonly tag?: boolean;
  readonly projectId?: number;
  /** What the job may write. Default `trusted`. */
  readonly scope?: Scope;
  /** Default `nx`. */
  readonly name?: string;
  readonly token?: string | null;
  readonly branches?: readonly string[];
  readonly limits?: Partial<LimitValues>;
}

/** A main job with the cache under test, in its own clone. */
export interface TestJob {
  readonly id: number;
  readonly pipelineId: number;
  readonly clone: string;
  readonly store: GitlabArtifactsCache;
  readonly notes: readonly string[];
  readonly noted: (line: string) => void;
}

const DEFAULT_LIMITS = Object.fromEntries(
  Object.entries(LIMITS).map(([name, { value }]) => [name, value]),
) as LimitValues;

/** A project whose main jobs run one after the other, on a real HTTP server. */
export class TestProject {
  private readonly clones = mkdtempSync(join(tmpdir(), 'dte-art-'));
  private readonly jobs: TestJob[] = [];
  private readonly given = new Map<number, GitlabArtifactsOptions>();
  private lastPipeline = 4710;
  private lastJob = 90_000;
  /** Of the instance. */
  nowMs = Date.now();
  readonly token: string;

  private constructor(readonly gitlab: FakeGitlab) {
    this.token = gitlab.accessToken(PROJECT, 'reporter');
  }

  static async start(project: Partial<FakeProject> = {}): Promise<TestProject> {
    const clock = { nowMs: () => Date.now() };
    const gitlab = await startFakeGitlab({
      projects: [{ id: PROJECT, ...project }, { id: 43 }],
      now: () => clock.nowMs(),
    });
    const started = new TestProject(gitlab);
    clock.nowMs = () => started.nowMs;
    return started;
  }

  /** A running job of a pipeline. */
  job(options: JobOptions = {}): TestJob {
    const { ref = 'main', source = 'push', tag = false, projectId = PROJECT, name = 'nx' } = options;
    const { pipelineId = (this.lastPipeline += 1), scope = TRUSTED, branches = ['main'] } = options;
    const id = (this.lastJob += 1);
    const sha = 'a'.repeat(40);
    this.gitlab.addPipeline({ id: pipelineId, projectId, ref, sha, source, tag, status: 'running' });
    this.gitlab.addJob({ id, pipelineId, name, status: 'running' });
    const clone = join(this.clones, String(id));
    mkdirSync(clone);
    const notes: string[] = [];
    const given: GitlabArtifactsOptions = {
      access: {
        apiUrl: this.gitlab.apiUrl,
        projectId: String(projectId),
        jobToken: this.gitlab.jobToken(projectId, id),
        token: options.token === undefined ? this.token : options.token,
        ca: [],
      },
      area: { issuer: ISSUER, projectId: String(projectId), write: scope },
      pipelineId: String(pipelineId),
      jobId: String(id),
      folder: join(clone, FOLDER),
      path: FOLDER,
      branches,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
    };
    this.given.set(id, given);
    return this.open({ id, pipelineId, clone, notes, noted: (line) => notes.push(line) });
  }

  /** Another coordinator of the same job. */
  restart({ store: _, ...job }: TestJob): TestJob {
    return this.open(job);
  }

  private open(job: Omit<TestJob, 'store'>): TestJob {
    const opened = { ...job, store: new GitlabArtifactsCache(this.given.get(job.id)!) };
    opened.store.onNote((line) => opened.noted(line));
    this.jobs.push(opened);
    return opened;
  }

  /** The job ends in success: its artifacts are uploaded. @returns what GitLab answers to the upload */
  async end(job: TestJob, expireInMs: number | null = null): Promise<number> {
    await job.store.flush();
    return this.upload(job, artifactsOf(job.clone, FOLDER), expireInMs);
  }

  /** The job ends with these artifacts, whatever its cache has. */
  upload(
    job: Pick<TestJob, 'id' | 'pipelineId'>,
    files: Readonly<Record<string, string | Buffer>>,
    expireInMs: number | null = null,
  ): number {
    const { gitlab } = this;
    gitlab.endPipeline(job.pipelineId, 'success');
    gitlab.addJob({ ...gitlab.jobOf(job.id), status: 'success' });
    gitlab.endJob(job.id);
    return gitlab.uploadArtifacts(job.id, files, { expireInMs });
  }

  async close(): Promise<void> {
    await Promise.all(this.jobs.map(({ store }) => store.close()));
    await this.gitlab.close();
    rmSync(this.clones, { recursive: true });
  }
}

/** Writes an entry with this content. */
export const put = ({ store }: TestJob, entry: CacheEntry, content: string, area = areaOf()) =>
  store.write(area, entry, () => Readable.from([Buffer.from(content)]), never());

/** The content that a job gets for a hash: null if nothing is found. */
export async function get({ store }: TestJob, hash: string, area = areaOf()): Promise<string | null> {
  const [found] = await store.find(area, [{ kind: 'cache', hash }], never());
  if (found === undefined) return null;
  const body = await store.read(area, found, never());
  if (body === null) return 'gone';
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
