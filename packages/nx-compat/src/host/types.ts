import type {
  ArtifactReader,
  ArtifactWriter,
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
  writer?: ArtifactWriter | undefined;
  /** `storedGraph` of another host of the same workspace: its project graph is used, if Nx still has it. Omitted: it is built. */
  sharedGraph?: string | undefined;
}

/** One task to run. */
export interface RunTaskRequest {
  /** Without `hash`, it is hashed here first, which requires the outputs of its dependencies on disk. It is not modified. */
  task: NxTask;
  /**
   * The main job's whole graph, in either shape of edges. It is converted once per object: pass the same one for all
   * tasks of a run, and do not change it in between.
   */
  fullTaskGraph: RawTaskGraph | TaskGraph;
  /**
   * Called with the task's own output while it runs, decoded, as Nx streams it. The output of a forked executor comes
   * in complete lines, without empty ones and with a line break where Nx read a chunk; `terminalOutput` is exact. Never
   * called after `runTask` has settled.
   */
  onOutput?: ((chunk: string) => void) | undefined;
  /** Like `--skip-nx-cache`: caches are neither read nor written, and the task gets the flag too. Default: false. */
  skipCacheRead?: boolean | undefined;
  /** Run whatever the caches contain for its hash; the result is stored as usual. Default: false. */
  rerun?: boolean | undefined;
  /** False: a failure is not stored, even with NX_CACHE_FAILURES. Default: true. */
  storeFailure?: boolean | undefined;
  /** Called when the command has ended and Nx starts to store its result, if it does. */
  onStoring?: (() => void) | undefined;
  /**
   * Query the remote cache before running. Default: only for a task without a hash, because the coordinator has already
   * been asked about the others, and every query costs a round trip.
   */
  lookupRemote?: boolean | undefined;
}

/** How a task ended. */
export interface TaskRun {
  status: NxTaskStatus;
  /** The process's exit code; 1 if there is none (it could not be started, or was killed by a signal that Nx does not name). */
  code: number;
  /** What Nx stores and replays. */
  terminalOutput: string;
  hash: string;
  cacheStatus: 'miss' | 'local-hit' | 'remote-hit';
  /** The result of storing the artifact. `none` for a task that is not cacheable or failed. Settled before `runTask` settles. */
  store: StoreOutcome;
  startMs: number;
  endMs: number;
  /** True if `stopTask` ended it. */
  stopped: boolean;
  /**
   * Set if Nx itself threw and returned no result: then nothing is known about the task. Its `status` is `failure`, but
   * the failure is not the task's.
   */
  broken: Broken | undefined;
  /** Nx's warnings about this task, without the task's own output; limited to 64 kB. */
  notices: string;
}

/** A server (a continuous task) to start. */
export interface ServerRequest {
  /** Without `hash`, it is hashed first. It is not modified. */
  task: NxTask;
  /** The server, all its dependencies, and the tasks that need it: from their edges, Nx 24 decides whether it must become ready. */
  fullTaskGraph: RawTaskGraph | TaskGraph;
  /** Called with the output while it runs, decoded. */
  onOutput: (chunk: string) => void;
}

/** How a server ended, or why it did not become ready. */
export interface ServerEnd {
  /** A sentence for a person. */
  why: string;
  /** From 22 on, Nx counts it as a failed task if another task still needs it. */
  failed: boolean;
}

export interface RunningServer {
  /** It has a `readyWhen` that is evaluated (24). */
  probed: boolean;
  /** Null when it is ready, immediately without `readyWhen`; otherwise the reason why it never will be. */
  ready: Promise<ServerEnd | null>;
  /** Resolves when it has ended, for any reason. */
  ended: Promise<ServerEnd>;
}

/** Tasks that one process of their executor runs together. */
export interface RunBatchRequest {
  /** At least one. Those without `hash` are hashed here, when Nx does it. They are not modified. */
  tasks: readonly NxTask[];
  /** As for one task; an executor gets all of it. */
  fullTaskGraph: RawTaskGraph | TaskGraph;
  /** Ignore what the caches contain and run; the results are still stored. Default: false. */
  skipCacheRead?: boolean | undefined;
  /** As for one task. */
  storeFailure?: boolean | undefined;
  /**
   * Called with true when a process of the executor starts to work on tasks, and with false when it has reported their
   * results or has ended. There may be several in sequence. Cache hits and storing results are not part of its work.
   */
  onWorking?: ((isWorking: boolean) => void) | undefined;
  /** Omitted: no monitoring. */
  frozen?: FrozenBatch | undefined;
  /** The output of the batch process as it arrives. Its results contain the output of single tasks. */
  onOutput?: ((chunk: string) => void) | undefined;
}

/** How a batch ended. */
export interface BatchRun {
  /**
   * By task id; null for a task that the executor skipped. If `stopped`, only tasks that had ended by then: cache hits,
   * and on 22 and later those that the executor had reported. Empty if `broken`.
   */
  tasks: ReadonlyMap<string, TaskRun | null>;
  /** The end of the output that its process printed for no task. */
  log: string;
  stopped: boolean;
  /** As for one task: nothing is known about any of them. */
  broken: Broken | undefined;
}

/** The Nx of one executor process: graph, hasher and cache built once, tasks run one at a time. */
export interface TaskHost {
  readonly nxVersion: string;
  /** For `TaskHostOptions.sharedGraph` of further hosts; null if nobody else can have this project graph. */
  readonly storedGraph: string | null;
  readonly remoteKind: RemoteKind;
  readonly projectGraph: NxProjectGraph;
  readonly cache: TaskCache;
  /**
   * Hashes with this machine's files, tools and environment, including custom hashers. A task with a hash is hashed as
   * the main job did up front; one without, as Nx does right before running it.
   */
  hashTask(task: NxTask, fullTaskGraph: RawTaskGraph | TaskGraph): Promise<HashResult>;
  /**
   * Call this before each task, batch or server of a command. Sets the variables of this process to those from the
   * creation of the host plus the given ones; undefined removes one. All other changes since then are undone, and Nx's
   * cached variables of other commands are cleared.
   */
  enterRun(runId: string, variables: Readonly<Record<string, string | undefined>>): void;
  /** Restores the outputs of a finished task (a member of a dependency closure) to disk, by its hash. */
  restore(task: NxTask): Promise<FetchResult>;
  /**
   * Runs one task through Nx and resolves when its artifact is stored, or known not to be. If anything goes wrong with
   * the task, the result is a `failure` with the reason in its terminal output. Rejects only if another task is
   * running.
   */
  runTask(request: RunTaskRequest): Promise<TaskRun>;
  /** Like `runTask`, for the tasks of a batch. If their executor does not support batches, runs them one by one. */
  runBatch(request: RunBatchRequest): Promise<BatchRun>;
  /**
   * Starts a server; resolves when its process has started. The host can do nothing else from then on: it is closed
   * with its process.
   * @throws whatever Nx throws if the server cannot be started
   */
  startServer(request: ServerRequest): Promise<RunningServer>;
  /**
   * Stops every process that the running task, batch or server has started, including those in other groups and
   * sessions: SIGTERM, then SIGKILL after `graceMs` (default 2000). Resolves when they have exited; `runTask` then
   * settles. Does nothing if idle. From then on, Nx stores nothing of this task: even if it exits with 0 on SIGTERM, it
   * has not finished its work.
   */
  stopTask(graceMs?: number): Promise<void>;
  /** Restores what was changed in the process. The host cannot be used afterwards. */
  close(): Promise<void>;
}
