import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AgentSync,
  type AttemptResult,
  type Hello,
  HTTP,
  type LimitValues,
  readLimits,
  type RunSpec,
  type Work,
} from '@org/dte-protocol';
import { exampleHello, httpCall, RawClient } from '@org/dte-testing';
import { type Coordinator, createCoordinator } from '../../src';
import type { CoordinatorOptions } from '../../src/options';

type Options = Partial<Omit<CoordinatorOptions, 'limits'>> & { readonly limits?: Partial<LimitValues> };

/** A coordinator on its own folder, and everything that a test opens, closed at its end. */
export class Harness {
  private readonly clients: RawClient[] = [];
  private readonly coordinators: Coordinator[] = [];

  private constructor(
    readonly dataDir: string,
    private readonly options: Options,
  ) {}

  static async start(options: Options = {}): Promise<Harness> {
    const harness = new Harness(
      options.dataDir ?? (await mkdtemp(join(tmpdir(), 'dte-coordinator-'))),
      options,
    );
    try {
      await harness.startCoordinator();
    } catch (thrown) {
      await harness.cleanUp();
      throw thrown;
    }
    return harness;
  }

  /** The most recent coordinator. */
  get coordinator(): Coordinator {
    return this.coordinators.at(-1)!;
  }

  get url(): string {
    return this.coordinator.url;
  }

  /** Another one on the same folder; the earlier ones keep running. */
  async startCoordinator(options: Options = {}): Promise<void> {
    const all = { ...this.options, ...options };
    const limits = { ...readLimits({}).limits, ...all.limits };
    this.coordinators.push(await createCoordinator({ ...all, dataDir: this.dataDir, limits }));
  }

  /** Connects with this hello, whatever the answer. `secret`: null for none, else the coordinator's own. */
  async connect(overrides: Partial<Hello> = {}, secret?: string | null): Promise<RawClient> {
    const used = secret === undefined ? this.options.secret : (secret ?? undefined);
    const client = await RawClient.hello(this.url, exampleHello(overrides), used);
    this.clients.push(client);
    return client;
  }

  async main(overrides: Partial<Hello> = {}): Promise<RawClient> {
    return this.connect({ role: 'main', name: 'main job', clientId: 'main-1', slots: null, ...overrides });
  }

  async agent(name: string, overrides: Partial<Hello> = {}): Promise<RawClient> {
    return this.connect({ name, clientId: name.replace(/[^a-z0-9]/gi, '-'), ...overrides });
  }

  /** A connection that has not sent anything yet. */
  async rawClient(): Promise<RawClient> {
    const client = await RawClient.connect(this.url);
    this.clients.push(client);
    return client;
  }

  async submit(main: RawClient, run: RunSpec): Promise<void> {
    const answer = await httpCall(this.url, {
      method: 'POST',
      path: HTTP.runs,
      token: main.token,
      body: JSON.stringify(run),
    });
    if (answer.status !== 200) throw new Error(answer.text);
    main.send({ type: 'main.sync', runId: run.runId, ackSeq: 0, want: 'follow' });
  }

  /** Status of a request that any main job or agent may send. */
  async ask(client: RawClient): Promise<number> {
    const body = '{"hashes":[]}';
    const call = { method: 'POST', path: HTTP.cacheQuestion, token: client.token, body };
    return (await httpCall(this.url, call)).status;
  }

  /** An agent may store only artifacts of tasks that it holds; a main job may store anything. */
  async putCache(client: RawClient, hash: string, body: string | Buffer): Promise<number> {
    const answer = await httpCall(this.url, {
      method: 'PUT',
      path: HTTP.cache(hash),
      token: client.token,
      body,
    });
    return answer.status;
  }

  async cleanUp(): Promise<void> {
    for (const client of this.clients) client.socket.terminate();
    for (const coordinator of this.coordinators) await coordinator.close();
    await rm(this.dataDir, { recursive: true, force: true });
  }
}

export const agentSync = (seq: number, work: Work[] = []): AgentSync => ({
  type: 'agent.sync',
  seq,
  slots: 2,
  draining: false,
  work,
});

export const completed = (runId: string, taskId: string, result: AttemptResult, attempt = 1): Work => ({
  runId,
  taskId,
  attempt,
  phase: { name: 'completed', result },
});

export const success = (hash: string): AttemptResult => ({
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash,
  artifact: { kind: 'cache', hash },
  startMs: 1,
  endMs: 2,
  reason: null,
  hashDetails: null,
});

/** Jest's matchers are `any`; in an expectation they represent the text that they match. */
export const containing = (text: string): string => expect.stringContaining(text) as string;
export const matching = (pattern: RegExp): string => expect.stringMatching(pattern) as string;
