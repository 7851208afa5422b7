import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type CacheArea, type CacheEntry, cacheAccessOf, type EntryKind } from '@org/dte-cache';
import { type IdTokenClaims, readOwnIdToken } from '@org/dte-identity';
import { cacheAnswerSchema, type CacheAnswer, HTTP, type LimitValues, type RunSpec } from '@org/dte-protocol';
import {
  type FakeClaims,
  type FakeGitlab,
  httpCall,
  type HttpAnswer,
  type RawClient,
  runSpec,
  taskSpec,
  waitFor,
} from '@org/dte-testing';
import type { CoordinatorOptions } from '../../src/options';
import { agentSync, completed, Harness, success } from './harness';
import { claimsOf, helloOf } from './pipelines';
import { StagingCache } from './staging';

/** One pipeline of project 42 (or of a fork of it), by what GitLab says about it. */
export const PIPELINES = {
  main: { pipeline_id: '1001' },
  'a tag': { pipeline_id: '1002', ref: 'v1', ref_type: 'tag' },
  'merge request 1': mergeRequest('1003', 'refs/merge-requests/1/head'),
  'merge request 2': mergeRequest('1004', 'refs/merge-requests/2/head'),
  // In the parent project, for a merge request whose branch is in the fork 77. Whatever the ref says, it is a fork.
  'a fork': {
    pipeline_id: '1005',
    project_id: '77',
    job_project_id: '42',
    pipeline_source: 'merge_request_event',
    ref: 'main',
    ref_protected: 'true',
  },
  'a branch': { pipeline_id: '1006', ref: 'feature', ref_protected: 'false' },
} satisfies Record<string, Partial<FakeClaims>>;
export type PipelineName = keyof typeof PIPELINES;

function mergeRequest(pipelineId: string, ref: string): Partial<FakeClaims> {
  return { pipeline_id: pipelineId, ref, ref_protected: 'false', pipeline_source: 'merge_request_event' };
}

/** As stored by an earlier pipeline of the same ref. */
const EARLIER = '900';

/** One pipeline that is running, and the coordinator that it uses. */
export class RunningPipeline {
  private agents = 0;
  private runs = 0;

  get runId(): string {
    return `r${this.runs}`;
  }

  constructor(
    readonly harness: Harness,
    readonly main: RawClient,
    private readonly hello: (role: 'agent' | 'main') => Parameters<Harness['connect']>[0],
  ) {}

  async agent(): Promise<RawClient> {
    this.agents += 1;
    const clientId = `agent-${this.agents}`;
    const name = `nx-agent ${this.agents}`;
    const agent = await this.harness.connect({ ...this.hello('agent'), clientId, name, slots: 1 });
    agent.send(agentSync(1));
    return agent;
  }

  async join(overrides: Parameters<Harness['connect']>[0]): Promise<RawClient> {
    return this.harness.connect({ ...this.hello('main'), ...overrides });
  }

  call(token: string, path: string, body?: string, method = body === undefined ? 'GET' : 'POST') {
    return httpCall(this.harness.url, { method, path, token, ...(body === undefined ? {} : { body }) });
  }

  /** An agent runs a task with this hash, stores this, and its result is accepted. */
  async build(hash: string, content: string, change: TaskChange = {}): Promise<RawClient> {
    const agent = await this.begin(hash, change);
    await this.end(agent, hash, content, change);
    return agent;
  }

  /** An agent is given a task with this hash. */
  async begin(hash: string, { task = {} }: TaskChange = {}): Promise<RawClient> {
    this.runs += 1;
    const run: RunSpec = runSpec(`r${this.runs}`, [{ ...taskSpec('app:build', [], { hash }), ...task }]);
    const agent = await this.agent();
    await this.harness.submit(this.main, run);
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    return agent;
  }

  async end(
    agent: RawClient,
    hash: string,
    content: string,
    { result = {} }: TaskChange = {},
  ): Promise<void> {
    const runId = `r${this.runs}`;
    const stored = await this.call(agent.token, HTTP.cache(hash), content, 'PUT');
    if (stored.status !== 200 && stored.status !== 409) throw new Error(stored.text);
    const done = { ...success(hash), ...result };
    agent.send(agentSync(2, [completed(runId, 'app:build', done)]));
    await this.main.next('run.update', (update) => update.runId === runId && update.state === 'finished');
    agent.socket.terminate();
  }
}

interface TaskChange {
  readonly task?: Partial<RunSpec['tasks'][number]>;
  readonly result?: object;
}

/** Coordinators of several pipelines with one shared cache. */
export class SharedBench {
  private readonly opened: Harness[] = [];
  /** What jobs have put into the store themselves. */
  readonly staged = new Map<string, Buffer>();

  private constructor(
    readonly kind: 'standalone' | 'embedded',
    readonly gitlab: FakeGitlab,
    readonly root: string,
  ) {}

  static async open(kind: 'standalone' | 'embedded', gitlab: FakeGitlab): Promise<SharedBench> {
    return new SharedBench(kind, gitlab, await mkdtemp(join(tmpdir(), 'dte-shared-')));
  }

  get store(): StagingCache {
    return new StagingCache(this.root, this.staged);
  }

  tokenOf(name: PipelineName, claims: Partial<FakeClaims> = {}): string {
    return this.gitlab.idToken(claimsOf({ ...PIPELINES[name], ...claims }));
  }

  claims(name: PipelineName): IdTokenClaims {
    return readOwnIdToken(this.tokenOf(name));
  }

  /** The area that a pipeline writes. */
  areaOf(name: PipelineName): CacheArea {
    const { issuer, projectId, write } = cacheAccessOf(this.claims(name));
    return { issuer, projectId, scope: write };
  }

  /** A pipeline with its main job: at the one coordinator, or with its own. */
  async pipeline(name: PipelineName, options: BenchOptions = {}): Promise<RunningPipeline> {
    const idToken = options.idToken ?? this.tokenOf(name);
    const sessionId = `42-${PIPELINES[name].pipeline_id}`;
    const harness = await this.harnessFor(sessionId, idToken, options);
    const hello = (role: 'agent' | 'main') => helloOf(role, idToken, { sessionId });
    const main = await harness.connect({ ...hello('main'), clientId: `main-${name.replace(/ /g, '-')}` });
    return new RunningPipeline(harness, main, hello);
  }

  /** What an earlier pipeline of this ref has stored. */
  async put(name: PipelineName, hash: string, content: string): Promise<void> {
    const bytes = Buffer.byteLength(content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    const commit = 'e'.repeat(40);
    const made = { jobId: '9', commit, ref: null, agent: 'nx-agent 1/3', taskId: 'app:build', atMs: 1 };
    const origin = { pipelineId: EARLIER, ...made };
    const entry = { kind: 'cache' as const, hash, bytes, sha256, origin };
    const open = () => Readable.from([Buffer.from(content)]);
    await this.store.write(this.areaOf(name), entry, open, new AbortController().signal);
  }

  /** The entry in the scope that a pipeline writes; null: none. */
  async entryIn(name: PipelineName, hash: string, kind: EntryKind = 'cache'): Promise<CacheEntry | null> {
    const [entry = null] = await this.store.find(this.areaOf(name), [{ kind, hash }]);
    return entry;
  }

  /** What that scope has under a hash; null: nothing. */
  async contentIn(name: PipelineName, hash: string, kind: EntryKind = 'cache'): Promise<string | null> {
    const area = this.areaOf(name);
    const entry = (await this.entryIn(name, hash, kind)) ?? undefined;
    const body = entry === undefined ? null : await this.store.read(area, entry);
    if (body === null) return null;
    const pieces: Buffer[] = [];
    for await (const piece of body) pieces.push(piece as Buffer);
    return Buffer.concat(pieces).toString('utf8');
  }

  /** Waits until a scope has this hash: everything that was accepted before is stored then as well (one at a time). */
  async whenStored(name: PipelineName, hash: string): Promise<void> {
    await waitFor(`${hash} in the scope of ${name}`, () => this.contentIn(name, hash));
  }

  async cleanUp(): Promise<void> {
    for (const harness of this.opened) await harness.cleanUp();
    await rm(this.root, { recursive: true, force: true });
  }

  private async harnessFor(sessionId: string, own: string, options: BenchOptions): Promise<Harness> {
    const [known] = this.opened;
    if (this.kind === 'standalone' && known !== undefined) return known;
    const { limits = {}, store = this.store, idToken: _, ...rest } = options;
    const idTokens = { issuers: [this.gitlab.issuer], audience: 'dte' };
    const harness = await Harness.start({
      ...rest,
      limits: { cacheWritesAtOnce: 1, directUploadBytes: 1, ...limits },
      sharedCache: store,
      ...(this.kind === 'embedded' ? { session: sessionId, idTokens: { ...idTokens, own } } : { idTokens }),
    });
    this.opened.push(harness);
    return harness;
  }
}

interface BenchOptions extends Partial<Omit<CoordinatorOptions, 'limits'>> {
  readonly limits?: Partial<LimitValues>;
  readonly store?: CoordinatorOptions['sharedCache'];
  /** Of the jobs; default: a fresh one. */
  readonly idToken?: string;
}

export const questionOf = (...hashes: string[]): string =>
  JSON.stringify({ hashes, origins: true, sizes: true });
export const answerOf = ({ text }: HttpAnswer): CacheAnswer => cacheAnswerSchema.parse(JSON.parse(text));
