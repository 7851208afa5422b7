import { mkdirSync } from 'node:fs';
import type { NxInstall } from '../install/nx-install';
import type { NxTask } from '../model/types';
import { type Carriage, carriageOf, listOutputs, replaceOutputs, type OutputSummary } from '../outputs';
import type { NxCache, NxCachedResult } from './nx-cache';
import type { TruthfulRemoteCache } from './truthful-remote';
import { isWhole } from './whole-entry';

/** What restores left on disk, until a caller reads it; the oldest entries are evicted. Not configurable: callers read it at once. */
const KEPT_SUMMARIES = 1_000;

/**
 * Makes a cache of Nx reliable: it stores only what it can restore unchanged, an entry without its files is a miss, and
 * a restored entry replaces everything that the outputs name. Nx's own runner uses it through the same functions.
 */
export class TrueEntries {
  private readonly placed = new Map<string, OutputSummary>();

  constructor(
    private readonly nx: NxInstall,
    private readonly remote: TruthfulRemoteCache | undefined,
  ) {}

  /** The outputs of a hash as they were restored; returned once. */
  takePlaced(hash: string): OutputSummary | undefined {
    const summary = this.placed.get(hash);
    this.placed.delete(hash);
    return summary;
  }

  /** Could a remote cache of Nx restore the content of this folder of the local cache? */
  async mayTravel(folder: string, outputs: readonly string[]): Promise<boolean> {
    return (await this.carriage(outputs, folder)) === 'everywhere';
  }

  /** How Nx's cache handles these outputs as they are on disk, or in a folder of the cache. */
  async carriage(outputs: readonly string[], folder = this.nx.workspaceRoot): Promise<Carriage> {
    return carriageOf(await listOutputs(folder, outputs, this.nx), outputs, this.nx.major);
  }

  /** Replaces functions of a cache, in place. */
  guard(cache: NxCache): void {
    this.guardPut(cache);
    this.guardCopy(cache);
    const get = cache.get.bind(cache);
    cache.get = async (task) => this.looked(cache, task, await get(task));
    const getBatch = cache.getBatch?.bind(cache);
    if (getBatch === undefined) return;
    cache.getBatch = async (tasks) => {
      const found = await getBatch(tasks);
      for (const task of tasks) {
        const hash = task.hash ?? '';
        const entry = found.get(hash);
        const looked = entry === undefined ? null : await this.looked(cache, task, entry);
        if (looked === null) found.delete(hash);
        else found.set(hash, looked);
      }
      return found;
    };
  }

  private guardPut(cache: NxCache): void {
    const put = cache.put.bind(cache);
    cache.put = async (task, terminalOutput, outputs, code) => {
      const carriage = await this.carriage(outputs);
      if (carriage === 'nowhere') return undefined;
      if (carriage === 'here' && task.hash !== undefined) this.remote?.withheld.add(task.hash);
      return put(task, terminalOutput, outputs, code);
    };
  }

  private guardCopy(cache: NxCache): void {
    const copy = cache.copyFilesFromCache.bind(cache);
    cache.copyFilesFromCache = (hash, entry, outputs) => {
      const place = async (): ReturnType<typeof copy> => {
        const copied = await copy(hash, entry, outputs);
        await this.replace(hash, entry, outputs);
        return copied;
      };
      // Another process that writes to the same folder may have interfered once. A second time, the error ends Nx's run.
      return place().catch(place);
    };
  }

  private async looked(
    cache: NxCache,
    task: NxTask,
    entry: NxCachedResult | null,
  ): Promise<NxCachedResult | null> {
    if (entry === null) return null;
    try {
      if (entry.remote === true) {
        // An archive without outputs creates no folder, and without a folder the entry would count as a miss the next time.
        mkdirSync(entry.outputsPath, { recursive: true });
        if (entry.code === 0) await this.replace(task.hash ?? '', entry, task.outputs);
        return entry;
      }
      return (await isWhole(entry, task.outputs, this.nx)) ? entry : await this.again(cache, task);
    } catch {
      // An error would end Nx's run. An entry that could not be restored completely is a miss: then the task runs.
      return null;
    }
  }

  /** From the remote cache, whatever this machine's cache has: it may be incomplete on the disk, or not this pipeline's. */
  async again(cache: NxCache, task: NxTask): Promise<NxCachedResult | null> {
    const { hash } = task;
    const directory = cache.cache?.cacheDirectory;
    if (!cache.remoteCache || hash === undefined || directory === undefined) return null;
    const entry = await cache.remoteCache.retrieve(hash, directory);
    if (entry === null) return null;
    mkdirSync(entry.outputsPath, { recursive: true });
    if (entry.code === 0) await cache.copyFilesFromCache(hash, entry, task.outputs);
    return { ...entry, terminalOutput: entry.terminalOutput ?? '', remote: true };
  }

  private async replace(
    hash: string,
    { outputsPath }: NxCachedResult,
    outputs: readonly string[],
  ): Promise<void> {
    const summary = await replaceOutputs(this.nx, outputsPath, outputs);
    this.placed.delete(hash);
    this.placed.set(hash, summary);
    const [oldest] = this.placed.keys();
    if (oldest !== undefined && this.placed.size > KEPT_SUMMARIES) this.placed.delete(oldest);
  }
}
