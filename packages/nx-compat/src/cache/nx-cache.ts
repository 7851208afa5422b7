import type { NxInstall } from '../install/nx-install';
import type { NxTask } from '../model/types';
import { cachesFailures } from './failures';

/** Nx's interface of a remote cache: its own HTTP cache is native code, the others are JavaScript packages. */
export interface NxRemoteCache {
  /** null is a miss. */
  retrieve(hash: string, cacheDirectory: string): Promise<NxCachedResult | null>;
  /** Typed as boolean in all versions; a JavaScript package may still return nothing. */
  store(
    hash: string,
    cacheDirectory: string,
    terminalOutput: string,
    code: number,
  ): Promise<boolean | undefined>;
}

export interface NxCachedResult {
  code: number;
  terminalOutput?: string;
  outputsPath: string;
  size?: number;
  remote?: boolean;
}

/** The cache object that Nx creates, in the shape shared by all versions. `getBatch` exists from 22.7 on. */
export interface NxCache {
  init?(): Promise<void>;
  get(task: NxTask): Promise<NxCachedResult | null>;
  getBatch?(tasks: NxTask[]): Promise<Map<string, NxCachedResult>>;
  put(task: NxTask, terminalOutput: string, outputs: string[], code: number): Promise<unknown>;
  removeOldCacheRecords?(): unknown;
  /** The place of a task's output while no entry of the cache contains it. */
  temporaryOutputPath(task: NxTask): string;
  copyFilesFromCache(hash: string, entry: NxCachedResult, outputs: string[]): Promise<unknown>;
  /** Set by `init`; absent or null without a remote cache. */
  remoteCache?: NxRemoteCache | null;
  /** The native local cache; absent on the legacy cache of 20. */
  cache?: { readonly cacheDirectory: string };
}

export interface NxCacheModule {
  getCache: (options: object) => NxCache;
  dbCacheEnabled: () => boolean;
}

export const nxCacheModule = (nx: NxInstall): NxCacheModule =>
  nx.load<NxCacheModule>('src/tasks-runner/cache');

/**
 * Whether Nx would replay an entry with this exit code: with NX_CACHE_FAILURES, failures are stored, but only 23 and
 * later read them.
 */
export const isReplayable = (nx: NxInstall, code: number): boolean =>
  code === 0 || (nx.major >= 23 && cachesFailures());
