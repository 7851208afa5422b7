import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ArtifactWriter,
  type BatchRun,
  type FetchResult,
  type NxTask,
  type RunBatchRequest,
  type RunTaskRequest,
  type TaskHost,
  type TaskRun,
  summaryOf,
} from '@org/dte-nx-compat';
import { type AttemptResult, type RunSpec } from '@org/dte-protocol';
import {
  assignment,
  FakeCoordinator,
  plainOutputs,
  runOfTasks,
  sendArtifact,
  testLimits,
  waitFor,
} from '@org/dte-testing';
import { type Channel } from '../channel';
import { Executor } from '../executor';
import { type FromExecutor, type RunMessage } from '../ipc';
import { fromExecutorSchema, toExecutorSchema } from '../ipc-schemas';

/** The result of a task in Nx. */
export const ended = (change: Partial<TaskRun> = {}): TaskRun => ({
  status: 'success',
  code: 0,
  terminalOutput: 'the output',
  hash: 'hash-app-build',
  cacheStatus: 'miss',
  store: { kind: 'stored' },
  startMs: 10,
  endMs: 20,
  stopped: false,
  broken: undefined,
  notices: '',
  ...change,
});

/** An Nx whose behaviour is set by the test. */
export class FakeHost implements TaskHost {
  readonly nxVersion = '23.2.1';
  readonly storedGraph = null;
  readonly remoteKind = 'ours';
  readonly projectGraph = {
    nodes: Object.fromEntries(
      ['app', 'lib'].map((name) => [
        name,
        { name, type: 'lib', data: { root: name, targets: { build: {} } } },
      ]),
    ),
    dependencies: {},
  };
  hash = 'hash-app-build';
  nodes: Record<string, string> = {
    'app:ProjectConfiguration': '1',
    'env:STAGE': '2',
    'runtime:echo tool': '3',
  };
  run: (request: RunTaskRequest) => Promise<TaskRun> = () => Promise.resolve(ended());
  batch: (request: RunBatchRequest) => Promise<BatchRun> = () => Promise.reject(new Error('no batch'));
  fetched: FetchResult = { kind: 'remote', entry: { code: 0, terminalOutput: '', outputsPath: '' } };
  readonly restored: string[] = [];
  /** What is uploaded from Nx's own copy is taken. */
  uploadsAgain = true;
  private useOf: TaskHost['cache']['useOf'] = () => ({ local: true, shared: true, published: true });
  readonly cache: TaskHost['cache'] = {
    remoteKind: 'ours',
    lookupLocal: async ([task]) =>
      new Map([[task?.id ?? '', { code: 0, terminalOutput: '', outputsPath: '' }]]),
    fetch: async () => ({ kind: 'miss' }),
    uploadFromLocal: async () => ({ kind: this.uploadsAgain ? 'stored' : 'declined' }),
    store: () => Promise.resolve(),
    recordTaskDetails: () => undefined,
    replays: (code) => code === 0,
    keepTerminalOutput: () => Promise.resolve(),
    limit: (useOf) => void (this.useOf = useOf),
    useOf: (taskId) => this.useOf(taskId),
    distrust: () => undefined,
    disconnect: () => undefined,
    keepHere: () => Promise.resolve(),
  };
  stop: () => void = () => undefined;
  entered: [runId: string, variables: Readonly<Record<string, string | undefined>>][] = [];
  enterRun: TaskHost['enterRun'] = (runId, variables) => void this.entered.push([runId, variables]);
  hashTask = async () => ({
    value: this.hash,
    details: { command: 'c', nodes: this.nodes, implicitDeps: {}, runtime: {} },
  });
  restore = async (task: NxTask) => {
    this.restored.push(`${task.id} ${task.hash ?? ''}`);
    return this.fetched;
  };
  runTask = (request: RunTaskRequest) => this.run(request);
  startServer: TaskHost['startServer'] = () => Promise.reject(new Error('no server'));
  runBatch = (request: RunBatchRequest) => this.batch(request);
  stopTask = async () => this.stop();
  close = async () => undefined;
}

/** Outputs that are declared but do not exist. */
export const NOTHING = summaryOf([]);

/** A run of one task that is not cached. */
export const uncached = (): RunSpec => {
  const spec = runOfTasks(['app:build']);
  return { ...spec, tasks: spec.tasks.map((task) => ({ ...task, cacheable: false })) };
};

/** Keeps what is uploaded, and returns it on request. */
function keepUploads(server: FakeCoordinator): void {
  server.handler = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (request.method === 'PUT') server.stored.set(request.url ?? '', body);
      const held = request.url === '/v1/cache-question' ? [...server.stored.keys()] : [];
      if (request.method === 'GET')
        sendArtifact(response, server.stored.get(request.url ?? '') ?? Buffer.alloc(0));
      else response.end(JSON.stringify({ held }));
    });
  };
}

/** An executor in this process, with a coordinator and an Nx that the test controls. */
export class ExecutorBench {
  readonly host = new FakeHost();
  /** The messages of the executor to its supervisor. */
  readonly said: FromExecutor[] = [];
  /** Coordinators for which a host was created; undefined: none. */
  readonly addresses: (string | undefined)[] = [];
  readonly executor: Executor;
  /** Does what other tasks of the agent do as soon as they may. */
  onFreed: () => void = () => undefined;
  /** What Nx's cache sends entries with. */
  writer: ArtifactWriter | undefined;

  private constructor(
    readonly server: FakeCoordinator,
    readonly workspace: string,
  ) {
    const say: Channel['send'] = (message, done) => {
      this.said.push(fromExecutorSchema.parse(JSON.parse(JSON.stringify(message))));
      if (message.type === 'freed') this.onFreed();
      done?.();
    };
    this.executor = new Executor({
      workspaceRoot: workspace,
      limits: testLimits({}),
      env: { PATH: process.env['PATH'] },
      outputs: plainOutputs(workspace),
      createHost: async ({ remoteCache, writer }) => {
        this.writer = writer;
        this.addresses.push(remoteCache?.url);
        return this.host;
      },
      channel: { send: say, sendSoon: say },
    });
  }

  static async start(workspace: string): Promise<ExecutorBench> {
    const server = await FakeCoordinator.start();
    keepUploads(server);
    const bench = new ExecutorBench(server, workspace);
    await bench.executor.start();
    bench.executor.receive({ type: 'coordinator', url: server.url, token: 't' });
    return bench;
  }

  /** Sends it the task `app:build`, modified by `change`. */
  send(change: Partial<RunMessage> = {}, spec: RunSpec = runOfTasks(['app:build', 'lib:build'])): void {
    const specFile = join(this.workspace, 'run.json');
    writeFileSync(specFile, JSON.stringify(spec));
    const wanted = assignment('app:build', { hash: 'hash-app-build' });
    this.executor.receive(
      toExecutorSchema.parse({
        type: 'run',
        assignment: wanted,
        restore: [],
        awaiting: [],
        specFile,
        forwarded: {},
        restoreConcurrency: 2,
        agentName: 'agent-x',
        receivedMs: Date.now(),
        ...change,
      }),
    );
  }

  result(): Promise<AttemptResult> {
    return waitFor('a result', () => this.said.find((message) => message.type === 'result')?.result, {
      deadlineMs: 10_000,
      lastState: () => JSON.stringify(this.said),
    });
  }
}
