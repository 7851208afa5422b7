import type { NxTask } from '../model/types';
import type { OutputSummary } from '../outputs';

/**
 * Where Nx stores artifacts apart from this machine.
 * - `ours`: the coordinator's contract, because dte configured Nx to use it;
 * - `other`: the workspace's own (a package such as @nx/s3-cache, or NX_SELF_HOSTED_REMOTE_CACHE_SERVER);
 * - `none`: no remote cache, or an unusable one (the legacy cache of 20, a build of Nx without native code).
 */
export type RemoteKind = 'ours' | 'other' | 'none';

/** Address of the coordinator's artifact contract: base address without `/v1/cache`, and the bearer token. */
export interface RemoteCacheAddress {
  url: string;
  token: string;
}

/** A request to Nx's remote cache, with the task that the hash is for. */
export interface ArtifactRequest {
  readonly hash: string;
  readonly taskId: string;
  readonly outputs: readonly string[];
  /** Absolute; the entry becomes its subfolder named after the hash. */
  readonly cacheDirectory: string;
  /** Only what this session has made; what other pipelines share is a miss. */
  readonly ownOnly: boolean;
}

/** Whose results Nx may use for a task, and who may use its result. */
export interface CacheUse {
  /** What the cache of this machine had before, from whatever pipeline. */
  readonly local: boolean;
  /** What other pipelines have made, in any remote cache. */
  readonly shared: boolean;
  /** Its result may be stored where other pipelines find it: in a remote cache of the workspace's own. */
  readonly published: boolean;
}

/** Downloads artifacts of our own contract instead of Nx's client, which verifies nothing. */
export interface ArtifactReader {
  /** Null: there is none. Rejects if the artifact is invalid; the cache then contains nothing of it. */
  retrieve(
    request: ArtifactRequest,
  ): Promise<{ code: number; terminalOutput: string; outputsPath: string } | null>;
}

/** An entry of the local cache that is to be uploaded. */
export interface ArtifactUpload {
  readonly hash: string;
  /** Absolute: the entry's files. */
  readonly folder: string;
  readonly terminalOutput: string;
  readonly code: number;
}

/** Uploads artifacts of our own contract instead of Nx's client, which has all of one in memory and announces no digest. */
export interface ArtifactWriter {
  /**
   * False: the server has one already, or does not take this one. Rejects if nothing is known to be stored.
   */
  store(upload: ArtifactUpload): Promise<boolean>;
}

/** An entry as stored by Nx. `outputsPath` is the absolute folder of its files, inside the local cache. */
export interface CacheEntry {
  code: number;
  terminalOutput: string;
  outputsPath: string;
  /** Bytes, if this Nx version reports them. */
  size?: number | undefined;
}

/** The result of a request for an artifact. If a remote fails, the result is `error`, never an exception: try another source. */
export type FetchResult =
  | {
      kind: 'local' | 'remote';
      entry: CacheEntry;
      /** The outputs as they are on disk now; omitted for a failure, whose files Nx does not restore. */
      outputs?: OutputSummary | undefined;
    }
  | { kind: 'miss' }
  | { kind: 'error'; message: string; /** The error that our reader has thrown. */ cause?: unknown };

/**
 * The result of sending an artifact. Nx alone reports less: it swallows 403 and 409, and repeats a failing `put` for up
 * to 20 seconds before the task itself fails.
 * - `stored`: the server answered 200;
 * - `declined`: 403 or 409, which Nx does not distinguish: it exists already, or we may not write. Ask the server
 *   which;
 * - `failed`: every attempt got another answer or no answer;
 * - `none`: there was nothing to send or nowhere to send it.
 */
export type StoreOutcome =
  { kind: 'stored' } | { kind: 'declined' } | { kind: 'failed'; message: string } | { kind: 'none' };

/** Nx's cache of one workspace, opened for the main job or for an executor. */
export interface TaskCache {
  readonly remoteKind: RemoteKind;
  /**
   * The local entries that Nx would replay, by task id: one query, no network. Skips tasks without a hash and tasks
   * that are not cacheable.
   */
  lookupLocal(tasks: readonly NxTask[]): Promise<Map<string, CacheEntry>>;
  /**
   * Whether Nx would use an entry with this exit code as the task's result: for a failure, only if the command's Nx
   * replays failures (NX_CACHE_FAILURES from 23 on).
   */
  replays(code: number): boolean;
  /** Local, then remote; after a hit, the outputs are on disk in the workspace. Tasks without a hash are a miss. */
  fetch(task: NxTask): Promise<FetchResult>;
  /** Sends an entry of the local cache to the remote, for other machines; Nx itself never does this. `none` if there is no remote. */
  uploadFromLocal(task: NxTask, entry: CacheEntry): Promise<StoreOutcome>;
  /**
   * Stores a success of a task that ran in this workspace, as Nx would: locally, then remotely. Skips tasks without a
   * hash. Rejects if the disk or Nx's database fails.
   */
  store(task: NxTask, terminalOutput: string): Promise<void>;
  /**
   * Stores a success whose outputs came in our own archive, if Nx would have them in its local cache but none of its
   * remote caches can carry them; else does nothing. Skips tasks without a hash.
   */
  keepHere(task: NxTask, terminalOutput: string): Promise<void>;
  /** From now on, this applies to each task, by its id. Default: everything is permitted. */
  limit(useOf: (taskId: string) => CacheUse): void;
  /** What applies to a task now. */
  useOf(taskId: string): CacheUse;
  /** From now on, Nx finds this hash in no cache: what they contain differs from what the task has made. */
  distrust(hash: string): void;
  /** From now on, our remote cache is neither read nor written, because its server is gone. Any other remote is unaffected. */
  disconnect(): void;
  /** Writes the rows without which storing a result violates a foreign key. Skips tasks without a hash. */
  recordTaskDetails(tasks: readonly NxTask[]): void;
  /**
   * Writes the terminal output of a task to the file that Nx reads by the task's hash, as Nx does for each task it runs
   * itself (`--output-style=summary` names that file). Skips tasks without a hash.
   */
  keepTerminalOutput(task: NxTask, terminalOutput: string): Promise<void>;
}
