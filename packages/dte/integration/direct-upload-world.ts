import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { cacheAccessOf, type CacheArea, openBucket, type SharedCache } from '@org/dte-cache';
import { type HttpClient, httpClient, nxWriter } from '@org/dte-client';
import { type Coordinator, createCoordinator } from '@org/dte-coordinator';
import { readOwnIdToken } from '@org/dte-identity';
import { type AgentSync, HTTP, type LimitValues, readLimits, type Work } from '@org/dte-protocol';
import {
  exampleHello,
  type FakeGitlab,
  httpCall,
  RawClient,
  REPOSITORY,
  RunningProcess,
  runSpec,
  taskSpec,
  tempFolders,
  TEST_COMMIT,
} from '@org/dte-testing';

const BUCKET = 'ci-cache';
/** Of s3rver. */
const KEY = 'S3RVER';
const SESSION = '42-1001';

const folder = tempFolders();

/** What clients connect to instead of a server: it counts what they send and get, and can end it. */
export class Gate {
  bytes = 0;
  /** `cut`: after some of the bytes; `closed`: at once. */
  mode: 'open' | 'cut' | 'closed' = 'open';
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  constructor(private readonly target: () => number) {
    this.server = createServer((client) => this.serve(client));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async open(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(client: Socket): void {
    if (this.mode === 'closed') {
      client.destroy();
      return;
    }
    const server = connect(this.target(), '127.0.0.1');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (chunk: Buffer) => {
        this.bytes += chunk.length;
        if (this.mode === 'cut' && this.bytes > 1_000_000) for (const each of [from, to]) each.destroy();
      });
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }
}

/** A standalone coordinator with a bucket, for the jobs of one pipeline. Both are behind gates for them. */
export class World {
  readonly notes: string[] = [];
  readonly log: string[] = [];
  readonly bucketGate = new Gate(() => this.bucketPort);
  readonly coordinatorGate = new Gate(() => this.coordinator.port);
  private readonly served = folder();
  private readonly dataDir = folder();
  private readonly limits: LimitValues;
  private readonly clients: (RawClient | HttpClient)[] = [];
  private bucket!: RunningProcess;
  coordinator!: Coordinator;
  bucketStore!: SharedCache;
  main!: RawClient;
  private runs = 0;
  private agent: RawClient | null = null;

  constructor(
    private readonly gitlab: FakeGitlab,
    limits: Partial<LimitValues> = {},
  ) {
    this.limits = { ...readLimits({}).limits, directUploadBytes: 1_000_000, ...limits };
  }

  async open(checksums: 'checksums' | 'no-checksums' = 'checksums'): Promise<this> {
    mkdirSync(join(this.served, BUCKET), { recursive: true });
    const script = join(REPOSITORY, 'packages/cache/integration/s3-server.cjs');
    this.bucket = new RunningProcess({
      name: 's3',
      command: process.execPath,
      args: ['--openssl-legacy-provider', script, this.served, BUCKET, 'obeys', checksums],
      cwd: REPOSITORY,
      env: process.env,
    });
    await this.bucket.waitForOutput(/listening on \d+/);
    await Promise.all([this.bucketGate.open(), this.coordinatorGate.open()]);
    await this.startCoordinator();
    this.main = await this.connect('main', 'main-1');
    return this;
  }

  /** On the same folder, also after another one. */
  async startCoordinator(): Promise<void> {
    this.bucketStore = openBucket(
      {
        s3Bucket: BUCKET,
        s3Prefix: 'dte',
        s3Endpoint: this.bucketGate.url,
        s3AccessKeyId: KEY,
        s3SecretAccessKey: KEY,
      },
      {
        authorities: [],
        workspaceRoot: REPOSITORY,
        // It reaches the bucket whatever happens to its jobs.
        throughProxy: async () => {
          const socket = connect(this.bucketPort, '127.0.0.1');
          await once(socket, 'connect');
          return socket;
        },
      },
    );
    this.coordinator = await createCoordinator({
      dataDir: this.dataDir,
      limits: this.limits,
      idTokens: { issuers: [this.gitlab.issuer], audience: 'dte' },
      sharedCache: this.bucketStore,
    });
  }

  async restartCoordinator(): Promise<void> {
    await this.coordinator.close();
    await this.startCoordinator();
  }

  async connect(role: 'agent' | 'main', clientId: string): Promise<RawClient> {
    const claims = { project_id: '42', pipeline_id: '1001', job_id: '7', sha: TEST_COMMIT };
    const name = role === 'agent' ? `nx-${clientId}` : 'main job';
    const hello = { role, clientId, name, slots: role === 'agent' ? 1 : null, sessionId: SESSION };
    const idToken = this.gitlab.idToken({ ...claims, ...TRUSTED });
    const client = await RawClient.hello(this.coordinator.url, exampleHello({ ...hello, idToken }));
    this.clients.push(client);
    if (role === 'agent') client.send(syncOf(1));
    return client;
  }

  /** As an executor or a main job has it. */
  http(client: RawClient | (() => string)): HttpClient {
    const http = httpClient({
      url: this.coordinatorGate.url,
      token: typeof client === 'function' ? client : () => client.token,
      limits: this.limits,
      note: (line) => void this.notes.push(line),
    });
    this.clients.push(http);
    return http;
  }

  /** An agent is given a task with this hash. */
  async begin(hash: string, clientId = `agent-${this.runs + 1}`): Promise<RawClient> {
    this.runs += 1;
    // The one before would get the task.
    this.agent?.socket.terminate();
    const run = runSpec(this.runId, [taskSpec('app:build', [], { hash })]);
    const agent = await this.connect('agent', clientId);
    this.agent = agent;
    const { token } = this.main;
    const submitted = await httpCall(this.coordinator.url, {
      method: 'POST',
      path: HTTP.runs,
      token,
      body: JSON.stringify(run),
    });
    if (submitted.status !== 200) throw new Error(submitted.text);
    this.main.send({ type: 'main.sync', runId: this.runId, ackSeq: 0, want: 'follow' });
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    return agent;
  }

  /** Its executor stores an entry of Nx's cache with a file of this content. @returns whether it was the first */
  store(agent: RawClient, hash: string, content: Buffer, http = this.http(agent)): Promise<boolean> {
    const path = join(folder(), 'dist');
    mkdirSync(path);
    writeFileSync(join(path, 'bundle.js'), content);
    const writer = nxWriter({ http, limits: this.limits });
    return writer.store({ hash, folder: path, terminalOutput: 'built', code: 0 });
  }

  /** It reports that the attempt has ended. */
  report(agent: RawClient, hash: string, change: object = {}, attempt = 1): void {
    const result = { ...succeeded(hash), ...change } as Extract<
      Work['phase'],
      { name: 'completed' }
    >['result'];
    agent.send(
      syncOf(2, [{ runId: this.runId, taskId: 'app:build', attempt, phase: { name: 'completed', result } }]),
    );
  }

  async whenFinished(main = this.main): Promise<void> {
    await main.next('run.update', (update) => update.runId === this.runId && update.state === 'finished');
  }

  get runId(): string {
    return `r${this.runs}`;
  }

  /** The scope that the pipeline writes. */
  get area(): CacheArea {
    const claims = { project_id: '42', pipeline_id: '1001', job_id: '7', sha: TEST_COMMIT };
    const { issuer, projectId, write } = cacheAccessOf(
      readOwnIdToken(this.gitlab.idToken({ ...claims, ...TRUSTED })),
    );
    return { issuer, projectId, scope: write };
  }

  /** What later pipelines find under a hash. */
  async entry(hash: string) {
    const [found = null] = await this.bucketStore.find(
      this.area,
      [{ kind: 'cache', hash }],
      AbortSignal.timeout(5_000),
    );
    return found;
  }

  async bucketRequests(): Promise<string[]> {
    const { text } = await httpCall(`http://127.0.0.1:${this.bucketPort}`, { path: '/served' });
    return text.split('\n').filter(Boolean);
  }

  /** Uploads that were tried at presigned addresses. */
  async direct(): Promise<string[]> {
    const requests = await this.bucketRequests();
    return requests.filter((line) => line.startsWith('PUT') && line.includes('X-Amz-Signature'));
  }

  async setBucketClock(aheadMs: number): Promise<void> {
    await httpCall(`http://127.0.0.1:${this.bucketPort}`, { path: `/ahead?ms=${aheadMs}` });
  }

  async endBucket(): Promise<void> {
    this.bucket.signal('SIGKILL');
    await this.bucket.end();
  }

  get bucketFolder(): string {
    return join(this.served, BUCKET);
  }

  async close(): Promise<void> {
    for (const client of this.clients) {
      if (client instanceof RawClient) client.socket.terminate();
      else client.close();
    }
    await this.coordinator.close();
    await Promise.all([this.bucketGate.close(), this.coordinatorGate.close()]);
    await this.endBucket();
  }

  private get bucketPort(): number {
    return Number(/listening on (\d+)/.exec(this.bucket.output())?.[1]);
  }
}

const TRUSTED = { ref: 'main', ref_type: 'branch', ref_protected: 'true', pipeline_source: 'push' };

const syncOf = (seq: number, work: Work[] = []): AgentSync => ({
  type: 'agent.sync',
  seq,
  slots: 1,
  draining: false,
  work,
});

const succeeded = (hash: string) => ({
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

/** Bytes that cannot be packed. */
export const large = (): Buffer => randomBytes(3_000_000);
export const sha256Of = (content: Buffer): string => createHash('sha256').update(content).digest('base64');
