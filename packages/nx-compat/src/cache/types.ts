import type { NxTask } from '../model/types';
import type { OutputSummary } from '../outputs';

/**
 * Where Nx keeps artifacts besides this machine.
 * - `ours`: the coordinator's contract, because we pointed Nx at it;
 * - `other`: the workspace brought its own (a package such as @nx/s3-cache, or NX_SELF_HOSTED_REMOTE_CACHE_SERVER);
 * - `none`: no remote cache, or one that cannot be used (the legacy cache of 20, a build of Nx without native code).
 */
export type RemoteKind = 'ours' | 'other' | 'none';

/** Where the coordinator's artifact contract is: base address without `/v1/cache`, and the bearer token. */
export interface RemoteCacheAddress {
  url: string;
  token: string;
}

/** What Nx's remote cache is asked for, with the task that is behind the hash. */
export interface ArtifactRequest {
  readonly hash: string;
  readonly taskId: string;
  readonly outputs: readonly string[];
  /** Absolute; the entry is to be its folder of the hash's name. */
  readonly cacheDirectory: string;
}

/** Fetches artifacts of our own contract in place of Nx's client, which checks nothing. */
export interface ArtifactReader {
  /** Null: there is none. Rejects with what is wrong with the one that is there; nothing of it is in the cache then. */
  retrieve(
    request: ArtifactRequest,
  ): Promise<{ code: number; terminalOutput: string; outputsPath: string } | null>;
}

/** An entry as Nx holds it. `outputsPath` is the absolute folder its files lie in, inside the local cache. */
export interface CacheEntry {
  code: number;
  terminalOutput: string;
  outputsPath: string;
  /** Bytes, where this Nx version tells. */
  size?: number | undefined;
}

/** What came of asking for an artifact. A remote that fails is an `error` and never an exception: no artifact, ask elsewhere. */
export type FetchResult =
  | {
      kind: 'local' | 'remote';
      entry: CacheEntry;
      /** What the outputs are on disk now; left out for a failure, whose files Nx does not restore. */
      outputs?: OutputSummary | undefined;
    }
  | { kind: 'miss' }
  | { kind: 'error'; message: string; /** What a reader of ours has thrown. */ cause?: unknown };

/**
 * What came of sending an artifact. Nx alone would tell less: it swallows 403 and 409, and repeats a failing `put` for
 * up to 20 seconds before the task itself fails.
 * - `stored`: the server answered 200;
 * - `declined`: 403 or 409, which Nx reports alike: it is there already, or we may not write. Ask the server which;
 * - `failed`: every attempt met another answer or no answer;
 * - `none`: there was nothing to send or nowhere to send it.
 */
export type StoreOutcome =
  { kind: 'stored' } | { kind: 'declined' } | { kind: 'failed'; message: string } | { kind: 'none' };

/** Nx's cache of one workspace, opened for the main job or for an executor. */
export interface TaskCache {
  readonly remoteKind: RemoteKind;
  /**
   * The local entries Nx would replay, by task id: one query, no network. Tasks without a hash and tasks that are not
   * cacheable are left out.
   */
  lookupLocal(tasks: readonly NxTask[]): Promise<Map<string, CacheEntry>>;
  /**
   * Whether Nx would take an entry with this exit code for the task's result: that of a failure only where the command's
   * Nx replays failures (NX_CACHE_FAILURES from 23 on).
   */
  replays(code: number): boolean;
  /** Local, then remote; a hit is on disk in the workspace afterwards. Tasks without a hash are a miss. */
  fetch(task: NxTask): Promise<FetchResult>;
  /**
   * Sends an entry of the local cache to the remote, so that other machines get it; Nx by itself never does. `none` when
   * there is no remote.
   */
  uploadFromLocal(task: NxTask, entry: CacheEntry): Promise<StoreOutcome>;
  /**
   * Stores a success of a task that ran in this workspace, as Nx would: locally, then remotely. Tasks without a hash are
   * left out. Rejects when the disk or Nx's database refuses.
   */
  store(task: NxTask, terminalOutput: string): Promise<void>;
  /**
   * Stores a success whose outputs came in an archive of ours, where Nx would have them in its local cache and no remote one
   * of it can carry them; else nothing happens. Tasks without a hash are left out.
   */
  keepHere(task: NxTask, terminalOutput: string): Promise<void>;
  /** From now on no cache has this hash for Nx: what they hold is not what the task has made. */
  distrust(hash: string): void;
  /** From now on our remote cache is neither asked nor written: its server is gone. Another one stays as it is. */
  disconnect(): void;
  /** Writes the rows without which storing a result breaks a foreign key. Tasks without a hash are left out. */
  recordTaskDetails(tasks: readonly NxTask[]): void;
  /**
   * Leaves what a task printed where Nx looks for it by the task's hash, as Nx does for each task it runs itself
   * (`--output-style=summary` names that file). Tasks without a hash are left out.
   */
  keepTerminalOutput(task: NxTask, terminalOutput: string): Promise<void>;
}
