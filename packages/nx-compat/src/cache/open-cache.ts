import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { resolveNx, type NxInstall } from '../install/nx-install';
import type { NxTask } from '../model/types';
import { CheckedRemoteCache } from './checked-remote';
import {
  isReplayable,
  nxCacheModule,
  type NxCache,
  type NxCachedResult,
  type NxRemoteCache,
} from './nx-cache';
import { detectRemoteKind, useRemoteCache } from './remote-cache';
import { recordTaskDetails } from './task-details';
import { TrueEntries } from './true-entries';
import { CacheUses } from './uses';
import { STORE_ATTEMPT_DELAYS_MS, TRANSFER_LIMIT_MS, TruthfulRemoteCache } from './truthful-remote';
import type {
  ArtifactReader,
  ArtifactWriter,
  CacheEntry,
  CacheUse,
  FetchResult,
  RemoteCacheAddress,
  RemoteKind,
  StoreOutcome,
  TaskCache,
} from './types';

export interface OpenCacheOptions {
  /** Default: found upwards from the current folder. */
  workspaceRoot?: string | undefined;
  /** Our artifact contract; if omitted, the workspace's own remote cache is used, if any. */
  remoteCache?: RemoteCacheAddress | undefined;
  /** Reads artifacts of our contract instead of Nx's own client. Omitted only in tests of Nx's client, which verifies nothing. */
  reader?: ArtifactReader | undefined;
  /** Uploads artifacts of our contract instead of Nx's own client; without a reader, it is not used. */
  writer?: ArtifactWriter | undefined;
}

interface RemoteParts {
  readonly inner: NxRemoteCache;
  readonly kind: RemoteKind;
  readonly reader: ArtifactReader | undefined;
  readonly writer: ArtifactWriter | undefined;
  readonly uses: CacheUses;
}

/** Our contract with our reader, if there is one; any other remote cache of the workspace unchanged. */
function truthful({ inner, kind, reader, writer, uses }: RemoteParts) {
  if (kind !== 'ours' || reader === undefined)
    return { remote: new TruthfulRemoteCache(inner), checked: undefined };
  const takesShared = (id: string): boolean => uses.of({ id }).shared;
  const checked = new CheckedRemoteCache({ inner, reader, writer, takesShared });
  // Both end by themselves when nothing moves.
  const limitMs = writer === undefined ? TRANSFER_LIMIT_MS : null;
  const remote = new TruthfulRemoteCache(checked, STORE_ATTEMPT_DELAYS_MS, limitMs, null);
  return { remote, checked };
}

const rowOf = ({ hash, id }: NxTask): string => `${hash ?? ''} ${id}`;

const toEntry = ({ code, terminalOutput, outputsPath, size }: NxCachedResult): CacheEntry => ({
  code,
  terminalOutput: terminalOutput ?? '',
  outputsPath,
  size,
});

interface CacheParts {
  readonly nx: NxInstall;
  /** As created by Nx, with the remote cache wrapped; can be passed to Nx instead of its own. */
  readonly nxCache: NxCache;
  /** Never initialised, so it has no remote cache to query. */
  readonly localOnly: NxCache;
  readonly remoteKind: RemoteKind;
  readonly remote: TruthfulRemoteCache | undefined;
  readonly checked: CheckedRemoteCache | undefined;
  readonly uses: CacheUses;
}

/** Nx's cache of the workspace, with additional state that only we need. */
export class OpenedCache implements TaskCache {
  /** Hashes that Nx must not find in either cache. */
  private readonly unread = new Set<string>();
  /** Those of them that stay hidden. */
  private readonly distrusted = new Set<string>();

  /** Called before Nx stores a result; false prevents it. */
  onStoring: ((code: number) => boolean) | undefined;

  /** Rows that are in Nx's database. Each write is a transaction, so many rows at once cost as much as one. */
  private readonly recorded = new Set<string>();

  private readonly entries: TrueEntries;

  private readonly nx: NxInstall;
  readonly nxCache: NxCache;
  private readonly localOnly: NxCache;
  readonly remoteKind: RemoteKind;
  readonly remote: TruthfulRemoteCache | undefined;

  private readonly uses: CacheUses;

  private constructor({ nx, nxCache, localOnly, remoteKind, remote, checked, uses }: CacheParts) {
    this.nx = nx;
    this.nxCache = nxCache;
    this.localOnly = localOnly;
    this.remoteKind = remoteKind;
    this.remote = remote;
    this.uses = uses;
    this.entries = new TrueEntries(nx, remote);
    this.entries.guard(nxCache);
    this.entries.guard(localOnly);
    const asking = <T>(tasks: readonly NxTask[], work: () => Promise<T>): Promise<T> =>
      checked === undefined ? work() : checked.asking(tasks, work);
    this.guardGet(asking);
    this.guardPut();
  }

  private guardGet(asking: <T>(tasks: readonly NxTask[], work: () => Promise<T>) => Promise<T>): void {
    const { nxCache, uses } = this;
    const get = nxCache.get.bind(nxCache);
    nxCache.get = async (task) => {
      if (this.unread.has(task.hash ?? '')) return null;
      try {
        return await asking([task], () => (uses.takesLocal(task) ? this.got(task, get) : this.ownOf(task)));
      } catch (error) {
        // Without a remote cache, everything is as in Nx. With one, an entry that cannot be restored is a miss: a `get`
        // that throws would end the run of all other tasks.
        if (!this.remote) throw error;
        this.remote.failed(task.hash ?? '', error);
        return null;
      }
    };
    const getBatch = nxCache.getBatch?.bind(nxCache);
    if (getBatch === undefined) return;
    nxCache.getBatch = async (tasks) => {
      const read = tasks.filter(({ hash }) => !this.unread.has(hash ?? ''));
      const byHash = new Map(read.map((task) => [task.hash ?? '', task]));
      const isLimited = (task: NxTask): boolean =>
        !uses.takesLocal(task) || !this.mayAsk(task) || byHash.get(task.hash ?? '') !== task;
      const free = read.filter((task) => !isLimited(task));
      const found = await asking(free, () => getBatch(free));
      for (const task of read.filter(isLimited)) {
        const entry = await nxCache.get(task);
        if (entry !== null && task.hash !== undefined) found.set(task.hash, entry);
      }
      return found;
    };
  }

  private guardPut(): void {
    const { nx, nxCache, uses } = this;
    const put = nxCache.put.bind(nxCache);
    nxCache.put = async (task, terminalOutput, outputs, code) => {
      // 20 and 21 lose the exit code in a remote cache: a failure would be restored as a success.
      if (!isReplayable(nx, code) || this.onStoring?.(code) === false) return undefined;
      if (this.remoteKind === 'other' && task.hash !== undefined && !uses.of(task).published)
        this.remote?.withheld.add(task.hash);
      const stored = await put(task, terminalOutput, outputs, code);
      uses.isOwn(task.hash);
      return stored;
    };
  }

  /** A remote cache of the workspace's own does not say who made an entry. */
  private mayAsk(task: NxTask): boolean {
    return this.remoteKind === 'ours' || this.uses.of(task).shared;
  }

  private async got(task: NxTask, get: NxCache['get']): Promise<NxCachedResult | null> {
    return this.mayAsk(task) ? get(task) : this.withoutRemote(task.hash ?? '', () => get(task));
  }

  /** What the session has made, whatever is in this machine's cache under the same hash. */
  private async ownOf(task: NxTask): Promise<NxCachedResult | null> {
    if (this.remoteKind !== 'ours') return null;
    const entry = await this.entries.again(this.nxCache, task);
    if (entry !== null) this.uses.isOwn(task.hash);
    return entry;
  }

  static async open(options: OpenCacheOptions = {}): Promise<OpenedCache> {
    const nx = resolveNx(options.workspaceRoot);
    const lease = options.remoteCache && useRemoteCache(options.remoteCache, nx.workspaceRoot);
    try {
      const { getCache } = nxCacheModule(nx);
      const nxCache = getCache({});
      await nxCache.init?.();
      // Without native code, or with the legacy cache of 20, the address had no effect.
      const kind = nxCache.remoteCache ? (lease?.kind ?? detectRemoteKind(nx.workspaceRoot)) : 'none';
      const uses = new CacheUses();
      const inner = nxCache.remoteCache;
      const { reader, writer } = options;
      const wrapped = inner ? truthful({ inner, kind, reader, writer, uses }) : null;
      const { remote, checked } = wrapped ?? { remote: undefined, checked: undefined };
      if (remote) nxCache.remoteCache = remote;
      // Nx initialises the cache of every orchestrator, which would restore the unwrapped remote.
      nxCache.init = () => Promise.resolve();
      const localOnly = getCache({});
      return new OpenedCache({ nx, nxCache, localOnly, remoteKind: kind, remote, checked, uses });
    } finally {
      lease?.release();
    }
  }

  async lookupLocal(tasks: readonly NxTask[]): Promise<Map<string, CacheEntry>> {
    const asked = tasks.filter(
      (task) =>
        task.hash !== undefined && task.cache !== false && !task.continuous && this.uses.takesLocal(task),
    );
    const found = await this.getAll(asked);
    const byId = new Map<string, CacheEntry>();
    for (const task of asked) {
      const entry = found.get(task.hash ?? '');
      if (entry && isReplayable(this.nx, entry.code)) byId.set(task.id, toEntry(entry));
    }
    return byId;
  }

  async keepHere(task: NxTask, terminalOutput: string): Promise<void> {
    if (task.hash === undefined || (await this.entries.carriage(task.outputs)) !== 'here') return;
    await this.store(task, terminalOutput);
  }

  limit(useOf: (taskId: string) => CacheUse): void {
    this.uses.limit(useOf);
  }

  useOf(id: string): CacheUse {
    return this.uses.of({ id });
  }

  distrust(hash: string): void {
    this.unread.add(hash);
    this.distrusted.add(hash);
  }

  disconnect(): void {
    if (this.remoteKind === 'ours' && this.remote) this.remote.isDisconnected = true;
  }

  replays(code: number): boolean {
    return isReplayable(this.nx, code);
  }

  async fetch(task: NxTask): Promise<FetchResult> {
    if (task.hash === undefined) return { kind: 'miss' };
    try {
      this.recordTaskDetails([task]);
      const result = await this.nxCache.get(task);
      if (!result) {
        const failure = this.remote?.takeFailure(task.hash);
        return failure === undefined ? { kind: 'miss' } : { kind: 'error', ...failure };
      }
      const kind = result.remote ? 'remote' : 'local';
      if (kind === 'local' && task.outputs.length > 0)
        await this.nxCache.copyFilesFromCache(task.hash, result, task.outputs);
      return { kind, entry: toEntry(result), outputs: this.entries.takePlaced(task.hash) };
    } catch (error) {
      return { kind: 'error', message: error instanceof Error ? error.message : String(error) };
    }
  }

  async store(task: NxTask, terminalOutput: string): Promise<void> {
    if (task.hash === undefined) return;
    this.recordTaskDetails([task]);
    await this.nxCache.put(task, terminalOutput, task.outputs, 0);
  }

  async uploadFromLocal(task: NxTask, entry: CacheEntry): Promise<StoreOutcome> {
    const directory = this.nxCache.cache?.cacheDirectory;
    if (!this.remote || task.hash === undefined || directory === undefined) {
      return { kind: 'none' };
    }
    if (this.remoteKind === 'other' && !this.uses.of(task).published) return { kind: 'none' };
    if (!(await this.entries.mayTravel(join(directory, task.hash), task.outputs))) return { kind: 'none' };
    await this.remote.store(task.hash, directory, entry.terminalOutput, entry.code);
    return this.remote.takeOutcome(task.hash);
  }

  /**
   * Runs `work` while one hash is hidden from Nx in the caches; results are still stored.
   * @param where `remote` leaves the local cache readable, `everywhere` neither
   */
  async withoutReads<T>(hash: string, where: 'remote' | 'everywhere', work: () => Promise<T>): Promise<T> {
    this.remote?.unasked.add(hash);
    if (where === 'everywhere') this.unread.add(hash);
    try {
      return await work();
    } finally {
      this.remote?.unasked.delete(hash);
      if (!this.distrusted.has(hash)) this.unread.delete(hash);
    }
  }

  private async withoutRemote<T>(hash: string, work: () => Promise<T>): Promise<T> {
    const { unasked } = this.remote ?? {};
    if (unasked === undefined || unasked.has(hash)) return work();
    unasked.add(hash);
    try {
      return await work();
    } finally {
      unasked.delete(hash);
    }
  }

  recordTaskDetails(tasks: readonly NxTask[]): void {
    const fresh = tasks.filter((task) => task.hash !== undefined && !this.recorded.has(rowOf(task)));
    recordTaskDetails(this.nx, fresh);
    for (const task of fresh) this.recorded.add(rowOf(task));
  }

  async keepTerminalOutput(task: NxTask, terminalOutput: string): Promise<void> {
    if (task.hash === undefined) return;
    const path = this.nxCache.temporaryOutputPath(task);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, terminalOutput);
  }

  /** By hash, as Nx does; before 22.7 there is one query per task, each a lookup by primary key. */
  private async getAll(tasks: NxTask[]): Promise<Map<string, NxCachedResult>> {
    if (this.localOnly.getBatch) return this.localOnly.getBatch(tasks);
    const found = new Map<string, NxCachedResult>();
    for (const task of tasks) {
      const entry = await this.localOnly.get(task);
      if (entry && task.hash !== undefined) found.set(task.hash, entry);
    }
    return found;
  }
}

/**
 * Opens Nx's cache. The address of our remote is in the environment only while Nx creates its cache, so that no task
 * sees the token.
 * @throws NxInstallError, and whatever Nx throws if its database cannot be opened
 */
export function openCache(options: OpenCacheOptions = {}): Promise<TaskCache> {
  return OpenedCache.open(options);
}
