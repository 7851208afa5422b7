import type {
  ArtifactReader,
  FetchResult,
  RemoteCacheAddress,
  RemoteKind,
  StoreOutcome,
  TaskCache,
} from '../cache/types';
import type { HashResult } from '../hashing/hashing';
import type { NxProjectGraph, NxTask, NxTaskStatus, RawTaskGraph, TaskGraph } from '../model/types';
import type { FrozenBatch } from '../processes/frozen';
import type { Broken } from './broken';

/** How an executor sets up its Nx. */
export interface TaskHostOptions {
  /** Absolute folder with nx.json. The process must already be in it: Nx fixes its workspace at load. */
  workspaceRoot: string;
  /** The coordinator's artifact contract. Omitted: the workspace's own remote cache, if any. */
  remoteCache?: RemoteCacheAddress | undefined;
  /** @see OpenCacheOptions */
  reader?: ArtifactReader | undefined;
}

/** One task to run. */
export interface RunTaskRequest {
  /** Without `hash` it is hashed here first, which needs the outputs of its dependencies on disk. It is not modified. */
  task: NxTask;
  /**
   * The main job's whole graph, in either shape of edges. It is read once per object: pass the same one for all tasks of
   * a run, and do not add to it in between.
   */
  fullTaskGraph: RawTaskGraph | TaskGraph;
  /**
   * Called with the task's own output while it runs, decoded, as Nx streams it: what a forked executor writes comes in
   * whole lines, empty ones left out and a line cut where Nx read a chunk; `terminalOutput` is exact. Never called after
   * `runTask` has settled.
   */
  onOutput?: ((chunk: string) => void) | undefined;
  /** As `--skip-nx-cache`: caches are neither read nor written, and the task is told so. Default: false. */
  skipCacheRead?: boolean | undefined;
  /** Run whatever the caches hold for its hash; what comes of it is stored as usual. Default: false. */
  rerun?: boolean | undefined;
  /** False: a failure is not stored, also with NX_CACHE_FAILURES. Default: true. */
  storeFailure?: boolean | undefined;
  /** Called when the command has ended and Nx begins to store its result, if it does. */
  onStoring?: (() => void) | undefined;
  /**
   * Ask the remote cache before running. Default: only for a task that came without a hash, since the coordinator has
   * already been asked about the others and every question costs a round trip.
   */
  lookupRemote?: boolean | undefined;
}

/** How a task ended. */
export interface TaskRun {
  status: NxTaskStatus;
  /** The process's exit code; 1 when there was none (it could not be started, or died by a signal Nx does not name). */
  code: number;
  /** What Nx stores and replays. */
  terminalOutput: string;
  hash: string;
  cacheStatus: 'miss' | 'local-hit' | 'remote-hit';
  /** What happened to the artifact. `none` for a task that is not cacheable or failed. Settled before `runTask` settles. */
  store: StoreOutcome;
  startMs: number;
  endMs: number;
  /** True when `stopTask` ended it. */
  stopped: boolean;
  /**
   * Set when Nx itself threw and gave no result: nothing is known of the task then. Its `status` is `failure`, but that is not
   * its own.
   */
  broken: Broken | undefined;
  /** Warnings Nx printed about this task, without the task's own output; limited to 64 kB. */
  notices: string;
}

/** A server (a continuous task) to start. */
export interface ServerRequest {
  /** Without `hash` it is hashed first. It is not modified. */
  task: NxTask;
  /** The server, all it depends on, and the tasks that need it: Nx 24 decides by their edges whether it must become ready. */
  fullTaskGraph: RawTaskGraph | TaskGraph;
  /** Called with the output while it runs, decoded. */
  onOutput: (chunk: string) => void;
}

/** How a server came to an end, or failed to become ready. */
export interface ServerEnd {
  /** A sentence for a person. */
  why: string;
  /** Nx counts it as a failed task if anything still needs it: from 22 on. */
  failed: boolean;
}

export interface RunningServer {
  /** It has a `readyWhen` that is checked (24). */
  probed: boolean;
  /** Null once it is ready, at once without `readyWhen`; otherwise why it never will be. */
  ready: Promise<ServerEnd | null>;
  /** Resolves when it has ended, for whatever reason. */
  ended: Promise<ServerEnd>;
}

/** Tasks that one process of their executor runs together. */
export interface RunBatchRequest {
  /** At least one. Those without `hash` are hashed here, when Nx does it. They are not modified. */
  tasks: readonly NxTask[];
  /** As for one task; an executor is shown all of it. */
  fullTaskGraph: RawTaskGraph | TaskGraph;
  /** Ignore what the caches hold and run; the results are still stored. Default: false. */
  skipCacheRead?: boolean | undefined;
  /** As for one task. */
  storeFailure?: boolean | undefined;
  /**
   * Called with true when a process of the executor begins to work on tasks, and with false when it has said how they ended,
   * or has ended. There may be several, one after the other; what a cache has and storing results is not its work.
   */
  onWorking?: ((isWorking: boolean) => void) | undefined;
  /** Omitted: nobody looks. */
  frozen?: FrozenBatch | undefined;
  /** What the process of the batch prints, as it comes. What it says of single tasks is in their results. */
  onOutput?: ((chunk: string) => void) | undefined;
}

/** How a batch ended. */
export interface BatchRun {
  /**
   * By task id; null for a task that the executor skipped. When `stopped`, only tasks that had ended by then: those found in a
   * cache, and on 22 and later those of which the executor had said so. Empty when `broken`.
   */
  tasks: ReadonlyMap<string, TaskRun | null>;
  /** The last of what its process printed by itself. */
  log: string;
  stopped: boolean;
  /** As for one task: nothing is known of any of them. */
  broken: Broken | undefined;
}

/** The Nx of one executor process: graph, hasher and cache built once, tasks run one at a time. */
export interface TaskHost {
  readonly nxVersion: string;
  readonly remoteKind: RemoteKind;
  readonly projectGraph: NxProjectGraph;
  readonly cache: TaskCache;
  /**
   * Hashes with this machine's files, tools and environment, custom hashers included. A task that carries a hash is
   * hashed as the main job did up front; one that does not, as Nx does before running it.
   */
  hashTask(task: NxTask, fullTaskGraph: RawTaskGraph | TaskGraph): Promise<HashResult>;
  /**
   * Call this before each task, batch or server of a command: makes the variables of this process those it had when the host was
   * made and the given ones, undefined removing one. Whatever else was set meanwhile is gone, and so is what Nx remembers of
   * the variables of other commands.
   */
  enterRun(runId: string, variables: Readonly<Record<string, string | undefined>>): void;
  /** Puts the outputs of a finished task (a member of a dependency closure) on disk, by its hash. */
  restore(task: NxTask): Promise<FetchResult>;
  /**
   * Runs one task through Nx and resolves when its artifact is stored or known not to be. Whatever goes wrong with the
   * task is a `failure` with the reason in its terminal output; rejects only when called while another task runs.
   */
  runTask(request: RunTaskRequest): Promise<TaskRun>;
  /** As `runTask`, for the tasks of a batch. Also runs tasks whose executor turns out to know no batches, one by one. */
  runBatch(request: RunBatchRequest): Promise<BatchRun>;
  /**
   * Starts a server; resolves when its process has been started. The host can do nothing else from then on: it is closed with
   * its process.
   * @throws whatever Nx throws when the server cannot be started
   */
  startServer(request: ServerRequest): Promise<RunningServer>;
  /**
   * Ends every process the running task, batch or server has started, those in other groups and sessions included: SIGTERM, then SIGKILL
   * after `graceMs` (default 2000). Resolves when they are gone; `runTask` then settles. Does nothing when idle.
   * From then on Nx stores nothing of this task: one that ends well on SIGTERM has not done its work.
   */
  stopTask(graceMs?: number): Promise<void>;
  /** Gives back what was changed in the process. The host cannot be used afterwards. */
  close(): Promise<void>;
}
