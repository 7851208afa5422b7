import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { httpCall, REPOSITORY, RunningProcess } from '@org/dte-testing';
import type { CacheArea, CacheEntry, SharedCache } from '../src';
import { openS3Cache, type S3CacheOptions } from '../src/s3/s3-cache';

export const BUCKET = 'ci-cache';
/** Of s3rver. */
export const CREDENTIALS = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };

export const AREA: CacheArea = { issuer: 'https://gitlab.example.com', projectId: '42', scope: 'trusted' };

export const entryOf = (hash: string, content: string | Buffer): CacheEntry => ({
  kind: 'cache',
  hash,
  bytes: Buffer.byteLength(content),
  sha256: createHash('sha256').update(content).digest('hex'),
  origin: {
    pipelineId: '4711',
    jobId: '90210',
    commit: 'a'.repeat(40),
    ref: 'main',
    agent: 'nx-agent 1/3',
    taskId: 'app:build',
    atMs: 1_790_000_000_000,
  },
});

export const opener = (content: string | Buffer) => () => Readable.from([Buffer.from(content)]);
export const never = (): AbortSignal => new AbortController().signal;

export async function textOf(body: Readable | null): Promise<string | null> {
  if (body === null) return null;
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** What a server does with conditional writes. */
export type Conditions = 'obeys' | 'ignores' | 'refuses';

/** A server of one bucket as a process, and the caches that were opened in it. */
export class S3Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'dte-s3-'));
  private process: RunningProcess | null = null;
  private readonly opened: SharedCache[] = [];
  private prefixes = 0;

  /** @param conditions what the server does with conditional writes */
  constructor(
    private readonly conditions: Conditions,
    private readonly checksums: 'checksums' | 'no-checksums' = 'checksums',
  ) {}

  get server(): RunningProcess {
    if (this.process === null) throw new Error('the server has not been started');
    return this.process;
  }

  async start(): Promise<void> {
    this.process = new RunningProcess({
      name: 's3',
      command: process.execPath,
      args: [
        '--openssl-legacy-provider',
        join(__dirname, 's3-server.cjs'),
        this.folder,
        BUCKET,
        this.conditions,
        this.checksums,
      ],
      cwd: REPOSITORY,
      env: process.env,
    });
    await this.process.waitForOutput(/listening on \d+/);
  }

  get port(): number {
    return Number(/listening on (\d+)/.exec(this.server.output())?.[1]);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A prefix under which there is nothing. */
  emptyPrefix(): string {
    return `test/${(this.prefixes += 1)}`;
  }

  open(change: Partial<S3CacheOptions> = {}): SharedCache {
    const cache = openS3Cache({
      bucket: BUCKET,
      prefix: 'dte',
      endpoint: this.url,
      forcePathStyle: true,
      credentials: CREDENTIALS,
      authorities: [],
      workspaceRoot: REPOSITORY,
      ...change,
    });
    this.opened.push(cache);
    return cache;
  }

  /** The requests that were served after the first `since`, as `GET /path?query`. */
  async requests(since = 0): Promise<string[]> {
    const { text } = await httpCall(this.url, { path: '/served' });
    return text.split('\n').filter(Boolean).slice(since);
  }

  /** How many requests were served. */
  async served(): Promise<number> {
    return (await this.requests()).length;
  }

  /** Where the server keeps the bytes of an object. */
  pathOf(key: string): string {
    return join(this.folder, BUCKET, `${key}._S3rver_object`);
  }

  async closeCaches(): Promise<void> {
    await Promise.all(this.opened.splice(0).map((cache) => cache.close()));
  }

  async close(): Promise<void> {
    await this.closeCaches();
    this.server.signal('SIGKILL');
    await this.server.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
